import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { encodeError } from '../dialects/openai-chat/error.ts'
import { TurnError } from '../turn/error.ts'

/** Answers what Node could not even read as a request, in OpenAI's error shape. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  // A connection that was reset has nobody to answer.
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, sentence] = statuses[error.code ?? ''] ?? [
    '400 Bad Request',
    'The request is not valid HTTP.',
  ]
  refuse(socket, status, sentence)
}

/** Answers past Node's own response, in OpenAI's error shape, and closes the connection. */
export function refuse(socket: Writable, status: string, sentence: string): void {
  const body = JSON.stringify(encodeError(new TurnError('invalid_request', sentence)))
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

const statuses: Readonly<Record<string, [status: string, sentence: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
}
