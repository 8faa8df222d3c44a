import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isPublicAddress, isPublicOrPrivateAddress } from '../../lib/public-address.ts'

/** How web addresses are judged. */
export type WebPolicy = {
  allowPrivateNetwork: boolean
  /** Every address of a host name; default: by the system's resolver. */
  resolve?: (host: string) => Promise<string[]>
}

/** The longest that a name may take to resolve, in milliseconds. */
const patienceMs = 5_000

/**
 * Why a URL must not be fetched, or nothing: every address of its host must be a public one, or with
 * `ALLOW_PRIVATE_NETWORK` at least none that is never a neighbour. The fetch resolves the name again, so a name that changes in
 * between is not caught.
 */
export async function webRefusal(url: string, policy: WebPolicy): Promise<string | undefined> {
  if (!URL.canParse(url)) return `${JSON.stringify(url)} is not a URL`
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:')
    return `only http and https addresses may be fetched, not ${protocol}`
  const host = hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host) ? [host] : await resolveInTime(host, policy.resolve ?? resolveHost)
  if (addresses === undefined || addresses.length === 0)
    return `the name ${host} could not be resolved`
  const allowed = policy.allowPrivateNetwork ? isPublicOrPrivateAddress : isPublicAddress
  if (addresses.every((address) => allowed(address))) return undefined
  return policy.allowPrivateNetwork
    ? `${host} is a link-local, metadata or reserved address`
    : `${host} is an address of a private network or of this machine, and ALLOW_PRIVATE_NETWORK is off`
}

async function resolveHost(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

async function resolveInTime(
  host: string,
  resolveName: (host: string) => Promise<string[]>,
): Promise<string[] | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patienceMs)
  })
  try {
    return await Promise.race([resolveName(host), late])
  } catch {
    // Whatever the resolver says, the name has no address that could be judged.
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
