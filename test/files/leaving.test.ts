import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { startTestServer } from '../support/server.ts'

const start = [
  'POST /v1/files HTTP/1.1',
  'host: 127.0.0.1',
  'content-type: multipart/form-data; boundary=b',
  'content-length: 100000',
  '',
  '--b',
  'content-disposition: form-data; name="file"; filename="f"',
  '',
  'the first of many bytes',
].join('\r\n')

it('who leaves in the middle of an upload is no fault of the server, and leaves nothing', async () => {
  const faults: unknown[] = []
  const statuses: number[] = []
  await using server = await startTestServer({}, undefined, {
    ...silentTelemetry,
    fault: (error) => faults.push(error),
    requestFinished: ({ status }) => statuses.push(status),
  })
  const folder = join(server.dataDir, 'files')
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write(start)
  await expect.poll(() => readdir(folder).catch(() => [])).not.toEqual([])
  socket.destroy()
  await expect.poll(() => statuses).toEqual([499])
  await expect.poll(() => readdir(folder)).toEqual([])
  expect(faults).toEqual([])
})
