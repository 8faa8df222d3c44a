import { isIP } from 'node:net'
import { isPublicAddress, isPublicOrPrivateAddress } from '../../lib/public-address.ts'

export type WebhookHostsOptions = {
  /** `hooks.example.com`, `*.example.com`, `10.0.0.7:9000`, `[::1]`: without a port the usual one of the scheme only. */
  hosts: readonly string[]
  /** Whether names may lead to private networks and this machine. */
  allowPrivateNetwork: boolean
}

/** Where webhooks may go: to hosts that the owner of the server has named. */
export class WebhookHosts {
  readonly #options: WebhookHostsOptions

  constructor(options: WebhookHostsOptions) {
    this.#options = options
  }

  /** Why nothing is sent to an address, as the end of a sentence that begins with the address; undefined when it may be. */
  refusal(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol))
      return 'which is not an http(s) address.'
    if (url.username !== '' || url.password !== '')
      return 'which has a user name or password; leave them out.'
    const { hosts } = this.#options
    if (hosts.some((host) => matches(host, url))) return undefined
    return hosts.length === 0
      ? 'but this server sends no webhooks. Its owner can name the hosts that may be told in WEBHOOK_HOSTS.'
      : `but ${url.host} is not a host that the owner of this server allows. The owner can name it in WEBHOOK_HOSTS.`
  }

  /**
   * Whether a connection for this address may go to an IP address. What the owner named as an address, or as `localhost`, may be of a private
   * network; other names lead where somebody else decides.
   */
  mayConnect({ hostname }: URL, ip: string): boolean {
    const isNamed = hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
    return isNamed || this.#options.allowPrivateNetwork
      ? isPublicOrPrivateAddress(ip)
      : isPublicAddress(ip)
  }
}

const usualPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

function matches(entry: string, { hostname, port, protocol }: URL): boolean {
  const [, name = '', ownPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
  const usual = usualPorts[protocol] ?? ''
  if ((port || usual) !== (ownPort ?? usual)) return false
  const host = hostname.replace(/\.$/, '')
  return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name
}
