/** Why a server cannot listen, and what to do; undefined when the error is about something else. */
export function listenProblem(
  error: unknown,
  address: { host: string; port: number },
): { message: string; advice: string } | undefined {
  const { host, port } = address
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return {
        message: `port ${port} on ${host} is in use`,
        advice:
          'Stop the program that uses it (another of these servers?), or set PORT to another.',
      }
    case 'EACCES':
      return {
        message: `port ${port} on ${host} needs more rights than this user has`,
        advice: 'Set PORT to one above 1023.',
      }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        message: `${host} is not an address of this machine`,
        advice: 'Set HOST to one, such as 127.0.0.1.',
      }
    default:
      return undefined
  }
}
