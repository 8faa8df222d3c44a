import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { UserPart } from '../turn/message.ts'
import type { Turn } from '../turn/turn.ts'
import { answer } from './answer/answer.ts'
import { findClaude, requireClaude } from './binary.ts'
import type { ClaudeProcess, Introduction } from './processes/claude-process.ts'
import { profileOf, sealsOf } from './conversation/conversation-key.ts'
import { attempts, type Course, endedWhileWaiting, retryPauseMs } from './course.ts'
import { Ending } from './conversation/ending.ts'
import { type EngineOptions, type Found, plannerOptions } from './engine-options.ts'
import { FullNames } from './full-names.ts'
import { loginFailure } from './login.ts'
import { amountsFor, readMachine, waitingLimits } from './processes/machine.ts'
import { ModelSizes } from './model-sizes.ts'
import { type KnownModels, type ModelEntry, modelEntries } from './models.ts'
import { Planner, type Plan } from './planner.ts'
import { Processes } from './processes/processes.ts'
import { detectSandbox } from './sandbox.ts'
import { SessionHolds } from './conversation/session-holds.ts'
import { adoptSessionFile, isStorageAway, type SessionRecord } from './conversation/sessions.ts'
import { TranscriptKeeper } from './conversation/transcript-keeper.ts'
import { projectOf } from './conversation/transcript.ts'
import { TurnSession } from './conversation/turn-session.ts'
import { TurnClock, type TimeLimits } from './processes/turn-clock.ts'
import { mustAllow, withinBudget } from './allowance.ts'
import { Turnstile, type TurnstileState } from './processes/turnstile.ts'

/** Whether Claude Code can answer now, and if not, why. */
export type EngineState = {
  ready: boolean
  reason?: string
  version?: string
} & TurnstileState &
  Processes['state']

/** The longest pause before one of Claude Code's own retries that a caller is kept waiting for, in milliseconds. */
const retryPatienceMs = 5_000

/** Claude Code as a backend: each turn goes to the process that knows its conversation, or to one of those that wait ready. */
export class Engine implements Backend {
  readonly name = 'claude-code'
  readonly #options: EngineOptions
  readonly #planner: Planner
  readonly #processes: Processes
  readonly #turnstile: Turnstile
  readonly version: string | undefined
  #introduction: Promise<Introduction> | undefined
  #introduced = false
  readonly #holds: SessionHolds
  readonly #sizes = new ModelSizes()
  readonly #names = new FullNames()
  readonly #keeper: TranscriptKeeper
  #failure: TurnError | undefined

  private constructor(options: EngineOptions, found: Found) {
    this.#options = options
    this.version = found.claude?.version
    const planning = plannerOptions(options, found)
    const onFault = (error: unknown): void => options.telemetry.fault(error)
    this.#holds = new SessionHolds({ ...options, onFault })
    this.#keeper = new TranscriptKeeper({ ...options, ...planning, onFault })
    this.#planner = new Planner(planning, this.#keeper)
    const machine = readMachine()
    const amounts = amountsFor(machine, options.amounts)
    this.#turnstile = new Turnstile({ places: amounts.turns, ...options.queue })
    this.#processes = new Processes(
      {
        waiting: waitingLimits(options.waitingFloor, options.amounts, machine),
        live: { places: amounts.live, keepMs: options.keepMs },
        reuse: options.reuse,
        timeouts: options.timeouts,
        claudeDir: planning.claudeDir,
        keeper: this.#keeper,
        onIntroduction: (introduction) => {
          this.#introduction = Promise.resolve(introduction)
          this.#introduced = true
        },
        telemetry: options.telemetry,
      },
      this.#planner,
    )
  }

  /**
   * Finds the binary and the sandbox and prepares the folders; throws `claude_not_installed` for a binary that is too old. A
   * missing one is told to each request: it may come later, and fallbacks can answer until then. Starts no process that waits.
   */
  static async open(options: EngineOptions): Promise<Engine> {
    await mkdir(join(options.dataDir, 'transcripts'), { recursive: true, mode: 0o700 })
    const installed = findClaude(options.claudePath) !== undefined
    const [claude, sandbox] = await Promise.all([
      installed ? requireClaude(options.claudePath) : undefined,
      options.sandbox === 'off' ? ('off' as const) : detectSandbox(),
      adoptOlder(options),
    ])
    if (options.sandbox === 'required' && sandbox !== 'available') {
      throw new TurnError(
        'server_error',
        'SANDBOX=required, and this machine has no working sandbox. `npm run doctor` tells what is missing.',
      )
    }
    const engine = new Engine(options, { ...(claude && { claude }), sandbox })
    // Nobody waits for it: whoever resumes one of these sessions takes in what is left of it.
    void engine.#keeper.recover((session) => engine.#holds.take(session))
    return engine
  }

  /** Starts the first process, which tells the models, and those that wait. */
  async warmUp(): Promise<void> {
    try {
      await this.#introduce()
    } catch (error) {
      this.#failure = TurnError.from(error)
    }
  }

  /** The models that the CLI itself lists, and the owner's names. */
  async models(): Promise<ModelEntry[]> {
    const { defaultModel, modelAliases: aliases } = this.#options
    const { models } = await this.#introduce()
    const named = defaultModel === undefined ? {} : { defaultModel }
    return modelEntries(models, { sizes: this.#sizes, aliases, ...named })
  }

  state(): EngineState {
    const reason =
      this.#failure?.message ?? (this.#introduced ? undefined : 'Claude Code is starting.')
    return {
      ready: reason === undefined,
      ...(reason !== undefined && { reason }),
      ...(this.version !== undefined && { version: this.version }),
      ...this.#turnstile.state,
      ...this.#processes.state,
    }
  }

  async *run(turn: Turn, context: TurnContext): AsyncGenerator<TurnEvent> {
    mustAllow(context, this.name)
    // Before a place is taken: whoever waits for a session must not keep one from the others.
    const session = await this.#sessionOf(turn, context)
    let leave: (() => void) | undefined
    const stored: Promise<void>[] = []
    try {
      // Held until the reader has the whole answer, or has left.
      leave = await this.#turnstile.enter(
        { owner: context.owner, isOneOfMany: turn.isOneOfMany },
        context.cancellation.signal,
      )
      yield* this.#answer(turn, context, { session, stored })
    } finally {
      leave?.()
      session.release(stored)
    }
  }

  #sessionOf(turn: Turn, context: TurnContext): Promise<TurnSession> {
    const { sessions, sessionKeeping: keeping, queue, telemetry } = this.#options
    const { patienceMs } = queue
    const onFault = (error: unknown): void => telemetry.fault(error, context.requestId)
    const parts = { sessions, holds: this.#holds, keeping, patienceMs, onFault }
    return TurnSession.open(turn, context, parts, () => this.#planner.folderOf(turn, context))
  }

  async *#answer(
    asked: Turn,
    context: TurnContext,
    { session, stored }: Pick<Course, 'session' | 'stored'>,
  ): AsyncGenerator<TurnEvent> {
    const clock = new TurnClock(this.#limits(asked), context.cancellation.signal)
    const models = await clock.wait('start', this.#knownModels())
    const names = this.#names
    const plan = await this.#planner.plan(asked, context, { models, names, session })
    const turn = withinBudget(asked, plan.decisions, context)
    for (const notice of plan.notices) yield { type: 'notice', notice }
    const profile = profileOf(turn, plan.decisions, context)
    const course: Course = { turn, plan, profile, session, stored, clock, context, hasBegun: false }
    for (let attempt = 1; ; attempt++) {
      try {
        yield* this.#attempt(course)
        return
      } catch (error) {
        if (attempt < attempts && endedWhileWaiting(error, course)) {
          // A transcript that was composed has gone with the process that was to read it.
          if (session.known === undefined) delete course.history
          await clock.wait('start', sleep(retryPauseMs))
          continue
        }
        this.#noteLogin(error)
        throw error
      }
    }
  }

  async *#attempt(course: Course): AsyncGenerator<TurnEvent> {
    const { turn, plan, profile, session, clock } = course
    const process = await this.#processes.ask(course)
    const ending = new Ending(profile, plan, turn)
    const { model, fullModel } = plan.decisions
    let answering = fullModel
    const onModel = (told: string): void => {
      answering = this.#names.learn(model, told, fullModel)
    }
    try {
      const answered = answer(process, turn, clock, { ...this.#answerOptions(plan), onModel })
      for await (const event of answered) {
        if (event.type === 'start') {
          if (answering !== fullModel) yield* lostThinking(plan)
          this.#began(event.sessionId, course, process)
        }
        ending.push(event)
        if (event.type === 'finish') await session.ended(ending.openCalls)
        course.hasBegun = true
        yield session.isKept ? event : withoutSession(event)
      }
    } finally {
      course.stored.push(this.#processes.release(process, course, ending))
    }
  }

  #limits({ claude: { timeoutSeconds } }: Turn): TimeLimits {
    const { timeouts } = this.#options
    if (timeoutSeconds === undefined) return timeouts
    return { ...timeouts, turnMs: Math.min(timeoutSeconds * 1000, timeouts.turnMs) }
  }

  /** The files and pictures that a request names, read for a backend that gets them inline. */
  attachments(turn: Turn, context: TurnContext): Promise<UserPart[]> {
    return this.#planner.attachments(turn, context)
  }

  /**
   * Removes all that is known of a session; whether there was one. What was said goes first, so that it can be done again where it fails.
   * Throws `session_busy` while it is answered in, and `storage_unavailable`.
   */
  async forgetSession(session: Pick<SessionRecord, 'id' | 'owner' | 'folder'>): Promise<boolean> {
    const { id, owner, folder } = session
    const { signal } = new AbortController()
    const hold = await this.#holds.hold(id, { patienceMs: 0, signal, param: 'id' })
    try {
      await this.#processes.dropSession(id)
      await this.#keeper.forget(id, projectOf(folder))
      return await this.#options.sessions.remove(id, owner)
    } finally {
      hold.release()
    }
  }

  async close(): Promise<void> {
    await this.#processes.close()
    await this.#planner.close()
  }

  #answerOptions(plan: Plan) {
    return {
      provider: this.name,
      agentic: plan.decisions.agentic,
      clientTools: plan.decisions.clientTools,
      ...(plan.decisions.check && { check: plan.decisions.check }),
      retryPatienceMs,
      sizes: this.#sizes,
      ...(plan.decisions.debugLog !== undefined && { debugLog: plan.decisions.debugLog }),
    }
  }

  /** Without a login no turn can be answered: `/ready` tells until one is. */
  #noteLogin(error: unknown): void {
    if (error instanceof TurnError && error.code === 'claude_not_logged_in') this.#failure = error
  }

  #began(id: string | undefined, course: Course, process: ClaudeProcess): void {
    this.#failure = undefined
    if (id === undefined) return
    const { folder, model } = course.plan.decisions
    const named = model === undefined ? {} : { model }
    process.mirror?.answersIn(id, projectOf(folder))
    const { owner } = course.context
    course.session.began({ id, owner, folder, usedMs: Date.now(), ...named })
  }

  async #knownModels(): Promise<KnownModels> {
    const { modelAliases, defaultModel, smallModel } = this.#options
    return {
      listed: (await this.#introduce()).models,
      aliases: modelAliases,
      ...(defaultModel !== undefined && { defaultModel }),
      smallModel,
    }
  }

  /** One process that is only asked who it is; the plain kind, so that its like is what waits from then on. */
  #introduce(): Promise<Introduction> {
    this.#introduction ??= this.#startFirst().catch((error: unknown) => {
      this.#introduction = undefined
      throw error
    })
    return this.#introduction
  }

  async #startFirst(): Promise<Introduction> {
    const introduction = await this.#processes.introduce()
    this.#introduced = true
    this.#failure = loginFailure(introduction)
    return introduction
  }
}

/** Claude Code tells a model no thinking but its own, and this one was taken for another. */
function lostThinking({ messages }: Plan): TurnEvent[] {
  if (sealsOf(messages).length === 0) return []
  const text = 'thinking in the messages was left out: another model answers than the one named'
  return [{ type: 'notice', notice: { type: 'remark', text } }]
}

/** A session that is not kept cannot be gone on with: its id would promise that. */
function withoutSession(event: TurnEvent): TurnEvent {
  if (event.type === 'start') {
    const { sessionId: _, ...rest } = event
    return rest
  }
  if (event.type !== 'finish' || event.claude === undefined) return event
  const { sessionId: _, ...claude } = event.claude
  return { ...event, claude }
}

/** What an older version has left; without the storage it is taken over at the next start. */
async function adoptOlder({ dataDir, sessions }: EngineOptions): Promise<void> {
  await adoptSessionFile(join(dataDir, 'sessions.jsonl'), sessions).catch((error: unknown) => {
    if (!isStorageAway(error)) throw error
  })
}
