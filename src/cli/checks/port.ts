import { createServer } from 'node:net'
import { failure, ok, type Finding } from './check.ts'
import { listenProblem } from '../listen-problem.ts'

/** The address can be listened on. Listens for a moment to find out. */
export async function checkPort(host: string, port: number): Promise<Finding> {
  const server = createServer()
  const error = await new Promise<unknown>((resolve) => {
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => resolve(undefined))
  })
  if (server.listening) await new Promise((resolve) => server.close(resolve))
  if (error === undefined) {
    return ok('port', port === 0 ? `any free port on ${host}` : `port ${port} on ${host} is free`)
  }
  const problem = listenProblem(error, { host, port })
  return problem === undefined
    ? failure('port', `port ${port} on ${host} cannot be used`, 'Set PORT or HOST to another.')
    : failure('port', problem.message, problem.advice)
}
