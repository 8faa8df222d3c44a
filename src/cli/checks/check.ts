/** What one look at the machine showed. A failure means that the server could not serve as configured. */
export type Finding = {
  /** Short, for machines and for the start of the line: `node`, `claude`, `port`. */
  check: string
  status: 'ok' | 'warning' | 'failure'
  message: string
  /** What to do about it. */
  advice?: string
}

export function ok(check: string, message: string): Finding {
  return { check, status: 'ok', message }
}

export function warning(check: string, message: string, advice: string): Finding {
  return { check, status: 'warning', message, advice }
}

export function failure(check: string, message: string, advice: string): Finding {
  return { check, status: 'failure', message, advice }
}
