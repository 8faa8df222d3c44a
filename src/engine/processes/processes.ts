import type { Telemetry } from '../../telemetry/events.ts'
import { Children } from './children.ts'
import { ClaudeProcess, type Introduction } from './claude-process.ts'
import {
  conversationKey,
  heldMessages,
  sealsOf,
  sessionKey,
} from '../conversation/conversation-key.ts'
import type { Course } from '../course.ts'
import type { Ending } from '../conversation/ending.ts'
import type { TranscriptKeeper } from '../conversation/transcript-keeper.ts'
import { feed, newMessages, type Prompt, toPrompt } from '../conversation/history.ts'
import { LiveConversations, type LiveOptions } from './live-conversations.ts'
import { memoryWatch } from './machine.ts'
import { type Decisions, lateSettings, processOptions } from '../options.ts'
import type { Planner } from '../planner.ts'
import {
  isReusable,
  makesReady,
  type ReuseOptions,
  type Supply,
  takesSpare,
} from './reuse-policy.ts'
import { startOver } from './start-over.ts'
import { projectOf } from '../conversation/transcript.ts'
import { type TimeLimits, TurnClock } from './turn-clock.ts'
import type { WaitingLimits } from './waiting-policy.ts'
import { WaitingRoom } from './waiting-room.ts'
import { warmUpRequest } from './warm-up.ts'

export type ProcessesOptions = {
  waiting: WaitingLimits
  live: LiveOptions
  reuse: ReuseOptions
  timeouts: TimeLimits
  /** Claude Code's own folder. */
  claudeDir: string
  keeper: TranscriptKeeper
  /** Called with what each process says of itself when it starts. */
  onIntroduction: (introduction: Introduction) => void
  telemetry: Telemetry
}

/**
 * Every Claude Code process: which one answers a turn, and what becomes of it. A turn goes to the process that holds its conversation
 * already; a new conversation to one that has been emptied for it, or is emptied now; else to one that waits, started ahead; else to one
 * that is started. Nobody but the caller and speed can tell the difference: what reaches the API is the same.
 */
export class Processes {
  readonly #options: ProcessesOptions
  readonly #planner: Planner
  readonly #isShortOfMemory = memoryWatch()
  readonly #children: Children
  readonly #room: WaitingRoom
  readonly #live: LiveConversations
  /** Those that answer a turn or are made ready for one. */
  readonly #busy = new Map<ClaudeProcess, { profile: string }>()
  /** Those that began with a transcript. */
  readonly #resumed = new WeakSet<ClaudeProcess>()
  #reused = 0
  #isClosed = false

  constructor(options: ProcessesOptions, planner: Planner) {
    this.#options = options
    this.#planner = planner
    this.#children = new Children(options.telemetry)
    this.#live = new LiveConversations(options.live)
    this.#room = new WaitingRoom({
      limits: options.waiting,
      onStart: (child, mark) => this.#children.watch(child, mark),
      isShortOfMemory: this.#isShortOfMemory,
      warmUp: warmUpRequest,
    })
  }

  /** How many wait before their first turn, and how many hold a conversation that nobody asks at the moment. */
  get state(): { waiting: number; kept: number; reused: number } {
    return { waiting: this.#room.size, kept: this.#live.size, reused: this.#reused }
  }

  /** A process that has been told everything and asked. `course.process` is the one that was tried, also when it fails. */
  async ask(course: Course): Promise<ClaudeProcess> {
    const held = await this.#holding(course)
    if (held) return this.#ask(held, toPrompt(newMessages(course.plan.messages)), course)
    const { resume } = course.plan.decisions
    if (resume !== undefined) {
      // A process that ends still writes to the transcript that the next one reads, and that results may be added to.
      await this.dropSession(resume)
      await this.#options.keeper.restore(resume, projectOf(course.plan.decisions.folder))
    }
    course.history ??= this.#planner.history(course.plan)
    const { decisions, prompt } = await course.history
    const process =
      (await this.#emptied(course, decisions)) ?? (await this.#start(course, decisions))
    return this.#ask(process, prompt, course)
  }

  /** One that is only asked who it is; the plain kind, so that its like is what waits from then on. */
  async introduce(): Promise<Introduction> {
    const { turn, decisions } = await this.#planner.plainTurn()
    const process = new ClaudeProcess(processOptions(turn, decisions), this.#room, {
      pinned: true,
      mirror: this.#options.keeper.mirror(false),
    })
    try {
      return await this.#clock().wait('start', process.introduction())
    } finally {
      process.close()
      this.#room.refill()
    }
  }

  /** A process of its own: one that waited, or a new one. */
  async #start(course: Course, decisions: Decisions): Promise<ClaudeProcess> {
    const { turn, clock } = course
    const mirror = this.#options.keeper.mirror(course.session.isKept)
    const process = new ClaudeProcess(processOptions(turn, decisions), this.#room, {
      mirror,
      bound: decisions.bound,
    })
    this.#take(process, course)
    const before = decisions.resume ?? decisions.composed
    if (before !== undefined) {
      this.#resumed.add(process)
      mirror.resumes(before, projectOf(decisions.folder))
    }
    try {
      // Both are on their way at once; Claude Code takes them in order.
      const [introduction] = await clock.wait(
        'start',
        Promise.all([process.introduction(), process.set(lateSettings(turn, decisions))]),
      )
      this.#options.onIntroduction(introduction)
      return process
    } catch (error) {
      this.#abandon(process)
      throw error
    }
  }

  /**
   * Takes a process back after its turn: keeps it where it may be kept, ends it otherwise. Resolves when what the turn was about has been
   * stored, or cannot be, and another may go on with its session.
   */
  release(process: ClaudeProcess, course: Course, ending: Ending): Promise<void> {
    const kept = ending.kept(course.session.turns)
    const stored = process.mirror?.turnEnds(ending.complete) ?? Promise.resolve()
    if (!kept || this.#isClosed) {
      this.#busy.delete(process)
      if (ending.complete) process.close()
      else void process.abandon()
      this.#room.refill()
      return stored
    }
    const { turn, plan, profile } = course
    const isSpare =
      isReusable(turn, plan.decisions) &&
      !this.#resumed.has(process) &&
      process.conversations < this.#options.reuse.conversations
    this.#keep(process, { ...kept, ...(isSpare && { profile }) })
    if (heldMessages(plan.messages).length === 0) void this.#makeReady(course)
    this.#room.refill()
    return stored
  }

  /** Ends the processes that hold a session, and waits until they can write no more. */
  async dropSession(sessionId: string): Promise<void> {
    await Promise.all(this.#live.takeSession(sessionId).map(endAndWait))
    this.#room.refill()
  }

  /** Ends every process, and waits until all have ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#room.close()
    this.#live.close()
    await Promise.all([...this.#busy.keys()].map((process) => process.abandon()))
    await this.#children.close()
  }

  async #holding(course: Course): Promise<ClaudeProcess | undefined> {
    const { plan, profile } = course
    const { debugLog } = plan.decisions
    const { known } = course.session
    // A debug log begins with its process.
    if (debugLog !== undefined) return undefined
    if (!this.#planner.canBeTold(newMessages(plan.messages), plan)) return undefined
    const keys = known
      ? { session: sessionKey(profile, known) }
      : {
          conversation: conversationKey(profile, heldMessages(plan.messages)),
          seals: sealsOf(plan.messages),
        }
    const session = this.#live.sessionOf(keys)
    // Whoever holds it by its id is about to end this process.
    if (session === undefined || !(await course.session.take(session))) return undefined
    const process = this.#live.take(keys)
    if (process) this.#take(process, course)
    return process
  }

  /** A process of this profile without a conversation: made ready before, or of a conversation that has not gone on for longest. */
  async #emptied(course: Course, decisions: Decisions): Promise<ClaudeProcess | undefined> {
    const { turn, profile, clock } = course
    if (!isReusable(turn, decisions)) return undefined
    const ready = this.#live.take({ conversation: conversationKey(profile, []) })
    if (ready) {
      this.#take(ready, course)
      return ready
    }
    if (!takesSpare(this.#options.reuse, turn, this.#supply(profile))) return undefined
    const spare = this.#live.takeSpare(profile)
    if (!spare) return undefined
    this.#take(spare, course)
    try {
      const session = await startOver(spare, { ...this.#options, folder: decisions.folder }, clock)
      await spare.mirror?.startedOver(session)
      this.#reused++
      return spare
    } catch (error) {
      this.#abandon(spare)
      if (course.context.cancellation.aborted) throw error
      // Whatever it was, another process can answer.
      return undefined
    }
  }

  #supply(profile: string): Supply {
    const busy = [...this.#busy.values()].filter((one) => one.profile === profile).length
    return { spare: this.#live.countOf(profile), busy, waiting: this.#room.size }
  }

  /** Empties a process ahead of the next conversation of this kind; nobody waits for it. */
  async #makeReady({ turn, plan: { decisions }, profile }: Course): Promise<void> {
    const conversation = conversationKey(profile, [])
    const isNeeded = makesReady(this.#options.reuse, turn, this.#supply(profile))
    if (!isNeeded || this.#live.has({ conversation })) return
    const process = this.#live.takeSpare(profile)
    if (!process) return
    this.#busy.set(process, { profile })
    const place = { claudeDir: this.#options.claudeDir, folder: decisions.folder }
    try {
      const sessionId = await startOver(process, place, this.#clock())
      await process.mirror?.startedOver(sessionId)
      this.#reused++
      this.#keep(process, {
        sessionId,
        keys: { conversation, session: sessionKey(profile, { id: sessionId, turns: 0 }) },
        profile,
        isEmpty: true,
      })
    } catch {
      this.#abandon(process)
    }
  }

  #keep(process: ClaudeProcess, facts: Parameters<LiveConversations['keep']>[1]): void {
    this.#busy.delete(process)
    if (this.#isClosed) {
      process.close()
      return
    }
    this.#live.keep(process, facts)
    if (this.#isShortOfMemory()) this.#live.dropOldest()
  }

  async #ask(
    process: ClaudeProcess,
    prompt: Prompt,
    { clock, plan }: Course,
  ): Promise<ClaudeProcess> {
    try {
      process.mirror?.turnBegins()
      process.bound?.begin()
      await feed(process, prompt.earlier, clock, plan.decisions.fullModel)
      process.ask(prompt.question)
      return process
    } catch (error) {
      this.#abandon(process)
      throw error
    }
  }

  #take(process: ClaudeProcess, course: Course): void {
    this.#busy.set(process, course)
    course.process = process
  }

  #abandon(process: ClaudeProcess): void {
    this.#busy.delete(process)
    void process.abandon()
    this.#room.refill()
  }

  #clock(): TurnClock {
    return new TurnClock(this.#options.timeouts, new AbortController().signal)
  }
}

async function endAndWait(process: ClaudeProcess): Promise<void> {
  const { child } = process
  const isRunning = child !== undefined && child.exitCode === null && child.signalCode === null
  const ended = isRunning ? new Promise((resolve) => child.once('exit', resolve)) : undefined
  process.close()
  await ended
}
