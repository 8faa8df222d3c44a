import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/**
 * Whether an IP address belongs to the public internet. Private, loopback, link-local, carrier-grade NAT, multicast,
 * documentation, benchmarking and every other special range (IANA special-purpose registries) are not public; neither are the
 * dead tunnels 6to4 and Teredo. IPv4-mapped and NAT64 (`64:ff9b::/96`) addresses are what their IPv4 address is. Text that is
 * no address is not public.
 */
export function isPublicAddress(ip: string): boolean {
  const address = parse(ip)
  return address !== undefined && isPublic(address)
}

/**
 * Whether an address is public, or of a private network or this machine. What stays out even then is never a neighbour:
 * link-local addresses, the fixed addresses of cloud metadata services, multicast, unspecified and reserved ones.
 */
export function isPublicOrPrivateAddress(ip: string): boolean {
  const address = parse(ip)
  if (address === undefined) return false
  if (isPublic(address)) return true
  return privateRanges.has(address.range()) && !metadataAddresses.has(address.toNormalizedString())
}

const privateRanges = new Set<string>(['private', 'loopback', 'carrierGradeNat', 'uniqueLocal'])

/** Metadata services outside the link-local range: Amazon over IPv6, Alibaba. */
const metadataAddresses = new Set(['fd00:ec2:0:0:0:0:0:254', '100.100.100.200'])

/** Special ranges that the library counts as ordinary ones. */
const specialIpv4 = [
  '192.0.0.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.175.48.0/24',
].map((range) => ipaddr.IPv4.parseCIDR(range))
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'].map((range) =>
  ipaddr.IPv6.parseCIDR(range),
)

/** All of the public internet's IPv6 (RFC 4291, section 2.4); the rest is special or not given out. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/** NAT64's well-known prefix (RFC 6052), through which IPv6-only networks reach IPv4. */
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/** Only the four-part decimal form and IPv6, as sockets show them; an IPv4 address inside an IPv6 one is taken out. */
function parse(ip: string): Address | undefined {
  if (isIPv4(ip)) return ipaddr.IPv4.parse(ip)
  if (!isIPv6(ip) || ip.includes('%')) return undefined
  // Without this the library takes `::1.2.3.4` for a mapped address.
  const { hostname } = new URL(`http://[${ip}]`)
  const address = ipaddr.IPv6.parse(hostname.slice(1, -1))
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  if (address.match(nat64)) return new ipaddr.IPv4(address.toByteArray().slice(12))
  return address
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  if (address instanceof ipaddr.IPv4) return !specialIpv4.some((range) => address.match(range))
  return address.match(globalUnicast) && !specialIpv6.some((range) => address.match(range))
}
