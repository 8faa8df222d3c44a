import { minimumVersion, requireClaude } from '../../engine/binary.ts'
import { TurnError } from '../../turn/error.ts'
import { failure, ok, type Finding } from './check.ts'

/** The binary is there, runs and is new enough. */
export async function checkClaude(claudePath: string | undefined): Promise<Finding> {
  try {
    const { path, version } = await requireClaude(claudePath)
    return ok('claude', `Claude Code ${version} (at least ${minimumVersion}) at ${path}`)
  } catch (error) {
    const where = claudePath === undefined ? 'the bundled binary' : claudePath
    const [message = '', ...advice] = TurnError.from(error).message.split(/(?<=\.) (?=[A-Z])/)
    return failure('claude', `${message.replace(/\.$/, '')} (${where})`, advice.join(' '))
  }
}
