/** Where a server that listens on `host` is reached from this machine, without a path; one that listens everywhere is reached here. */
export function reachableUrl(host: string, port: number): string {
  return `http://${reachable(host)}:${port}`
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
