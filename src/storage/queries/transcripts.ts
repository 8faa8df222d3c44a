import type { Database, Queries } from '../database.ts'
import { unavailable } from '../failures.ts'
import type { TranscriptPiece, TranscriptRow, Transcripts } from '../parts/transcripts.ts'
import type { Sealer } from '../sealer.ts'

/** Pieces may be large. */
const stepSize = 20
/** How often a place in the order is tried for, where two nodes write at once; only the one that holds the session should. */
const tries = 5

export function createTranscripts(database: Database, sealer: Sealer): Transcripts {
  const load = async (session: string, after: Place | undefined): Promise<TranscriptRow[]> =>
    database.read((queries) => {
      const all = queries.selectFrom('transcript').selectAll().where('session', '=', session)
      const rest =
        after === undefined
          ? all
          : all.where((is) =>
              is.or([
                is('subpath', '>', after.subpath),
                is.and([is('subpath', '=', after.subpath), is('seq', '>', after.seq)]),
              ]),
            )
      return rest.orderBy('subpath').orderBy('seq').limit(stepSize).execute()
    })
  return {
    async append(session, piece) {
      for (let trial = 0; trial < tries; trial++) {
        const isIn = await database.write((queries) => insert(queries, sealer, { session, piece }))
        if (isIn) return
      }
      throw unavailable('the transcript of a session is written to by several at once.')
    },
    async load(session) {
      const pieces: TranscriptPiece[] = []
      for (let after: Place | undefined; ;) {
        const rows = await load(session, after)
        for (const row of rows) {
          const { project, subpath, body } = row
          pieces.push({ project, subpath, lines: sealer.open(body, about(row)) })
        }
        if (rows.length < stepSize) return pieces
        after = rows.at(-1)
      }
    },
    async remove(session) {
      for (;;) {
        const first = await database.read((queries) =>
          queries
            .selectFrom('transcript')
            .select(['subpath', 'seq'])
            .where('session', '=', session)
            .orderBy('subpath')
            .orderBy('seq')
            .limit(1)
            .executeTakeFirst(),
        )
        if (first === undefined) return
        await database.write(async (queries) => {
          await queries
            .deleteFrom('transcript')
            .where('session', '=', session)
            .where('subpath', '=', first.subpath)
            .where('seq', '<', first.seq + stepSize)
            .execute()
        })
      }
    },
  }
}

type Place = Pick<TranscriptRow, 'subpath' | 'seq'>

/** False when another has taken the place. */
async function insert(
  queries: Queries,
  sealer: Sealer,
  { session, piece }: { session: string; piece: TranscriptPiece },
): Promise<boolean> {
  const { subpath } = piece
  const last = await queries
    .selectFrom('transcript')
    .select('seq')
    .where('session', '=', session)
    .where('subpath', '=', subpath)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  const { numInsertedOrUpdatedRows } = await queries
    .insertInto('transcript')
    .values(transcriptRow(sealer, session, (last?.seq ?? 0) + 1, piece))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** `seq`: the piece's place in its transcript, from 1. */
export function transcriptRow(
  sealer: Sealer,
  session: string,
  seq: number,
  { project, subpath, lines }: TranscriptPiece,
): TranscriptRow {
  const place = { session, subpath, seq }
  return { ...place, project, body: sealer.seal(lines, about(place)) }
}

function about({ session, subpath, seq }: Pick<TranscriptRow, 'session' | 'subpath' | 'seq'>) {
  return `transcript ${session} ${seq} ${subpath}`
}
