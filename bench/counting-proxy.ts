import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Passes on what one program asks a Postgres, and counts the statements. */
export interface CountingProxy extends AsyncDisposable {
  /** The address of the database, through here. */
  readonly url: string
  /** The statements since the last time it was asked, each as its text. */
  take(): string[]
  /** How many connections are open. */
  connections(): number
}

/** Listens on a free port of loopback for connections without TLS. */
export async function startCountingProxy(databaseUrl: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let statements: string[] = []
  const server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname)
    const read = statementReader((text) => statements.push(text))
    client.on('data', read)
    client.pipe(database).pipe(client)
    for (const socket of [client, database]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        client.destroy()
        database.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No port is free.')
  const url = new URL(databaseUrl)
  url.port = String(address.port)
  return {
    url: url.href,
    take() {
      const taken = statements
      statements = []
      return taken
    },
    connections: () => sockets.size / 2,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads the protocol of Postgres, the client's half: after the first message each has a letter and its length. */
function statementReader(tell: (text: string) => void): (piece: Buffer) => void {
  let rest = Buffer.alloc(0)
  let hasBegun = false
  return (piece) => {
    rest = Buffer.concat([rest, piece])
    for (;;) {
      const head = hasBegun ? 1 : 0
      if (rest.length < head + 4) return
      const end = head + rest.readUInt32BE(head)
      if (rest.length < end) return
      const kind = hasBegun ? String.fromCharCode(rest[0] ?? 0) : ''
      const fields = rest.toString('utf8', head + 4, end).split('\0')
      // A simple query, or one that is parsed (its name comes first) and then has its values.
      if (kind === 'Q') tell(fields[0] ?? '')
      if (kind === 'P') tell(fields[1] ?? '')
      rest = rest.subarray(end)
      hasBegun = true
    }
  }
}
