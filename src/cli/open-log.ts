import { createLog, type Log, type LogOptions, type LogOutput } from '../telemetry/log.ts'
import { CommandProblem } from './command-problem.ts'

/** Opens the log. Throws a `CommandProblem` when its file cannot be opened. */
export async function openLog(options: LogOptions, output: LogOutput): Promise<Log> {
  try {
    return await createLog(options, output)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new CommandProblem(
      `The log file ${options.file} cannot be opened (${reason}); correct LOG_TO_FILE or DATA_DIR`,
    )
  }
}
