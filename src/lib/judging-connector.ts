import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import { buildConnector } from 'undici'

class AddressNotAllowed extends Error {}

/** Whether a request failed because of the address that it would have gone to. */
export function isAddressNotAllowed(error: unknown): boolean {
  let next = error
  for (let depth = 0; depth < 10 && next !== undefined; depth++) {
    if (next instanceof AddressNotAllowed) return true
    next = next instanceof Error ? next.cause : undefined
  }
  return false
}

/**
 * What an undici agent connects with. Judges names before anything is sent, by the addresses that the connection will use; and what the socket
 * says in the end. So neither a name that points inside nor one that changes in between gets through.
 */
export function judgingConnector(
  isAllowed: (ip: string) => boolean,
  timeoutMs: number,
): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, lookup: judgingLookup(isAllowed) })
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) {
      callback(new AddressNotAllowed(), null)
      return
    }
    connect(options, (...[error, socket]) => {
      if (error) callback(error, null)
      else if (isAllowed(socket.remoteAddress ?? '')) callback(null, socket)
      else {
        socket.destroy()
        callback(new AddressNotAllowed(), null)
      }
    })
  }
}

type LookupDone = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void

/** One address that is not allowed spoils the name: it must not be tried as a second choice either. */
function judgingLookup(isAllowed: (ip: string) => boolean) {
  return (hostname: string, options: LookupOptions, done: LookupDone): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error) done(error, '')
      else if (!first || !addresses.every(({ address }) => isAllowed(address)))
        done(new AddressNotAllowed(), '')
      else if (options.all) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }
}
