/** What is done about a failure. */
export type FailureRow = {
  /**
   * Whether another provider is asked, before the first output. `to a bigger one`: only one whose context is configured as larger.
   * `unless Claude Code is first`: it decides on names that nobody has looked at yet; what a later one does not know is its own matter.
   */
  movesOn: 'yes' | 'no' | 'to a bigger one' | 'unless Claude Code is first'
  /** Whether the same provider is asked again, within the request's budget. */
  repeats: boolean
  /**
   * What the provider's breaker makes of it: a `failure` counts towards opening, a `pause` lets nothing through for the time that the
   * provider asked for, a `rest` opens at once, and `nothing` leaves no trace.
   */
  breaker: 'failure' | 'pause' | 'rest' | 'nothing'
  why: string
}

/** Every kind of failure, and what is done about it: the one table that failover goes by. docs/failover.md is held to it. */
export const failureKinds = {
  caller: row('no', false, 'nothing', "The request itself is wrong, or not the caller's to make."),
  refusal: row(
    'no',
    false,
    'nothing',
    'A provider refused the content: its reason is passed on, and nobody else is asked to say it.',
  ),
  'too-long': row(
    'to a bigger one',
    false,
    'nothing',
    "The conversation is longer than the provider's context.",
  ),
  'unknown-model': row(
    'unless Claude Code is first',
    false,
    'nothing',
    'The provider does not know the model.',
  ),
  throttled: row(
    'yes',
    true,
    'pause',
    'The provider takes no more requests for now. It is well, and says when to come back.',
  ),
  'used-up': row(
    'yes',
    false,
    'rest',
    'A usage limit or the credit is used up; until the reset time where it is known.',
  ),
  credentials: row(
    'yes',
    false,
    'rest',
    'The provider refuses the login or key of this server, which asking again does not mend.',
  ),
  broken: row(
    'yes',
    true,
    'failure',
    'The provider failed, is overloaded, or the connection broke: the next try may go well.',
  ),
  silent: row(
    'yes',
    false,
    'failure',
    'Nothing came in time. Who is silent is left, and not asked again.',
  ),
  'no-answer': row(
    'yes',
    false,
    'failure',
    'What came is not an answer: empty, a redirect, a web page, far too large.',
  ),
  'wrong-form': row(
    'yes',
    false,
    'nothing',
    'The model did not give the form that was asked for; the provider is well.',
  ),
  busy: row('yes', false, 'nothing', 'This server has no free place for the provider.'),
  storage: row(
    'no',
    false,
    'nothing',
    'What this server keeps cannot be reached: no other provider has it either.',
  ),
  fault: row('yes', false, 'failure', 'A fault of this server or its installation.'),
  over: row('no', false, 'nothing', 'The caller left, the server stops, or the time is up.'),
} as const satisfies Record<string, FailureRow>

export type FailureKind = keyof typeof failureKinds

function row(
  movesOn: FailureRow['movesOn'],
  repeats: boolean,
  breaker: FailureRow['breaker'],
  why: string,
): FailureRow {
  return { movesOn, repeats, breaker, why }
}
