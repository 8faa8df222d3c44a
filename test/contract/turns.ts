import { plainTurn, type Turn } from '../../src/turn/turn.ts'

/** The plainest turn, with changes; its messages are sent by hand in these tests. */
export function turnOf(changes: Partial<Turn> = {}): Turn {
  return { ...plainTurn, source: { dialect: 'test', body: {} }, ...changes }
}
