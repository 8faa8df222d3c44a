import { describe, expect, it } from 'vitest'
import { WebhookHosts } from './webhook-hosts.ts'

const hosts = new WebhookHosts({
  hosts: ['Hooks.example.com', '*.corp.example', '10.0.0.7:9000', '[::1]', 'localhost:3000'],
  allowPrivateNetwork: false,
})

describe('where webhooks may go', () => {
  it.each([
    'https://hooks.example.com/a?b',
    'http://HOOKS.example.com:80/',
    'https://hooks.example.com./',
    'https://a.corp.example',
    'https://a.b.corp.example:443',
    'http://10.0.0.7:9000/x',
    'http://[::1]/',
    'http://localhost:3000/',
  ])('%s', (url) => {
    expect(hosts.refusal(url)).toBeUndefined()
  })

  it.each([
    ['https://example.com', 'not a host that the owner'],
    ['https://xhooks.example.com', 'xhooks.example.com is not a host'],
    ['https://hooks.example.com.evil.example', 'not a host'],
    ['https://hooks.example.com:8443', 'hooks.example.com:8443 is not a host'],
    ['https://corp.example', 'not a host'],
    ['https://evilcorp.example', 'not a host'],
    ['http://10.0.0.7', 'not a host'],
    ['http://0x7f.1/', '127.0.0.1 is not a host'],
    ['http://localhost', 'not a host'],
    ['https://hooks.example.com@evil.example/', 'user name'],
    ['https://me:secret@hooks.example.com/', 'user name'],
    ['ftp://hooks.example.com/', 'not an http(s) address'],
    ['hooks.example.com', 'not an http(s) address'],
    ['', 'not an http(s) address'],
  ])('not %s', (url, why) => {
    expect(hosts.refusal(url)).toContain(why)
  })

  it('nowhere when the owner names none', () => {
    const none = new WebhookHosts({ hosts: [], allowPrivateNetwork: true })
    expect(none.refusal('https://hooks.example.com')).toContain('WEBHOOK_HOSTS')
  })

  it('names lead to the public internet only, what is named as an address to its neighbours too', () => {
    const name = new URL('https://hooks.example.com')
    const address = new URL('http://10.0.0.7:9000')
    const local = new URL('http://localhost:3000')
    const neighbours = ['10.0.0.7', '127.0.0.1', '::1']
    const never = ['169.254.169.254', '100.100.100.200', '224.0.0.1', '0.0.0.0']
    const opened = new WebhookHosts({ hosts: ['hooks.example.com'], allowPrivateNetwork: true })
    expect(hosts.mayConnect(name, '93.184.216.34')).toBe(true)
    for (const ip of neighbours) {
      expect([ip, hosts.mayConnect(name, ip)]).toEqual([ip, false])
      expect([ip, hosts.mayConnect(address, ip)]).toEqual([ip, true])
      expect([ip, hosts.mayConnect(local, ip)]).toEqual([ip, true])
      expect([ip, opened.mayConnect(name, ip)]).toEqual([ip, true])
    }
    for (const ip of never)
      for (const url of [name, address, local])
        expect([ip, hosts.mayConnect(url, ip), opened.mayConnect(url, ip)]).toEqual([
          ip,
          false,
          false,
        ])
  })
})
