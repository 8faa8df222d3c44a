import { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import type { Dispatch, LineCaller } from '../batch/parts.ts'
import { encodeError } from '../dialects/openai-chat/error.ts'
import { TurnError } from '../turn/error.ts'

/**
 * The lines of batches that are being asked, by request id. A line comes in as a request of this process to itself, without a socket: nobody
 * can send one over a connection, whatever headers it has.
 */
export class Lines {
  readonly #callers = new Map<string, Caller>()

  /** Whose line a request is; undefined for whatever came over a connection. */
  callerOf(request: FastifyRequest): Caller | undefined {
    if (request.raw.socket instanceof Socket) return undefined
    return this.#callers.get(request.id)
  }

  /** Asks lines of the app. `resolve` says what a caller may do by now; what it throws is the line's answer. */
  dispatcher(
    app: Pick<FastifyInstance, 'inject'>,
    resolve: (caller: LineCaller) => Caller | Promise<Caller>,
  ): Dispatch {
    return async ({ id, path, body, caller }) => {
      try {
        this.#callers.set(id, await resolve(caller))
        const answer = await app.inject({
          method: 'POST',
          url: path,
          headers: { 'content-type': 'application/json', 'x-request-id': id },
          payload: body,
        })
        return {
          status: answer.statusCode,
          headers: Object.fromEntries(
            Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
          ),
          body: answer.payload,
        }
      } catch (thrown) {
        const error = TurnError.from(thrown)
        return { status: error.row.status, headers: {}, body: JSON.stringify(encodeError(error)) }
      } finally {
        this.#callers.delete(id)
      }
    }
  }
}
