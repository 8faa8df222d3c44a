import { describe, expect, it } from 'vitest'
import { webRefusal } from './web-address.ts'

const resolve = async (host: string): Promise<string[]> => {
  if (host === 'public.example') return ['93.184.215.14']
  if (host === 'mixed.example') return ['93.184.215.14', '10.0.0.1']
  throw new Error('ENOTFOUND')
}

describe('webRefusal', () => {
  it.each(['http://93.184.215.14/', 'https://public.example/x'])('lets pass %s', async (url) => {
    expect(await webRefusal(url, { allowPrivateNetwork: false, resolve })).toBeUndefined()
  })
  it.each([
    'http://127.0.0.1:80/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://169.254.169.254/latest',
    'http://mixed.example/',
    'http://unknown.example/',
    'file:///etc/passwd',
    'not a url',
  ])('refuses %s', async (url) => {
    expect(await webRefusal(url, { allowPrivateNetwork: false, resolve })).toBeTypeOf('string')
  })
  it('with ALLOW_PRIVATE_NETWORK lets private addresses pass, and no metadata service', async () => {
    const policy = { allowPrivateNetwork: true, resolve }
    expect(await webRefusal('http://127.0.0.1/', policy)).toBeUndefined()
    expect(await webRefusal('http://mixed.example/', policy)).toBeUndefined()
    expect(await webRefusal('http://169.254.169.254/', policy)).toMatch(/metadata/)
  })
})
