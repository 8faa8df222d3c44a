import { existsSync } from 'node:fs'
import { mkdir, realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { TurnContext } from '../turn/backend.ts'
import type { McpServer } from '../turn/claude-options.ts'
import { TurnError } from '../turn/error.ts'
import type { Notice } from '../turn/event.ts'
import type { Message, UserPart } from '../turn/message.ts'
import { plainTurn, type Turn } from '../turn/turn.ts'
import type { ApiMessage } from './conversation/api-messages.ts'
import { Attachments } from './attachments/attachments.ts'
import { debugFolder } from './debug-logs.ts'
import { ClientTools } from './tools/client-tools.ts'
import {
  hasOversizedPictures,
  hasPictures,
  longHistory,
  newMessages,
  type Prompt,
  toPrompt,
} from './conversation/history.ts'
import { resolveMcpServers } from './tools/mcp.ts'
import type { FullNames } from './full-names.ts'
import { type KnownModels, resolveModel } from './models.ts'
import type { Decisions } from './options.ts'
import { checkPending, pendingCalls } from './conversation/pending-calls.ts'
import { CallBound } from './permissions/call-bound.ts'
import { credentialPaths } from './permissions/forbidden.ts'
import { planPermissions, type ToolPolicy } from './permissions/plan.ts'
import { refuseSameNames } from './tools/same-names.ts'
import type { KnownSession, SessionRecord } from './conversation/sessions.ts'
import type { TranscriptKeeper } from './conversation/transcript-keeper.ts'
import type { TurnSession } from './conversation/turn-session.ts'
import {
  canWriteTranscript,
  continueTranscript,
  projectOf,
  storeTranscript,
  transcriptPath,
} from './conversation/transcript.ts'
import { answerCheck } from './schema/structured-output.ts'
import { openWorkspace, type Workspace } from './workspace/workspace.ts'

export type PlannerOptions = {
  /** The binary; absent when none was found. */
  claude?: string
  /** Its version. */
  version?: string
  environment: Record<string, string>
  /** The server's own folder: sessions, debug logs and the callers' default working folders. */
  dataDir: string
  /** Claude Code's own folder, which no tool may touch. */
  claudeDir: string
  /** More files and folders that no tool may touch. */
  forbidden: string[]
  workspaceRoots: string[]
  mcpServers: Record<string, McpServer>
  allowRequestMcpCommands: boolean
  allowPrivateNetwork: boolean
  policy: ToolPolicy
  fileLimitBytes: number
  imageLimitBytes: number
}

/** A turn made ready: what its process is to be, the conversation with everything it names, and what the caller is told of both. */
export type Plan = { decisions: Decisions; messages: Message[]; notices: Notice[] }

/** Decides everything about a turn that needs the disk, the network or the owner's rules, before a process is used. */
export class Planner {
  readonly #options: PlannerOptions
  readonly #keeper: TranscriptKeeper
  readonly #attachments: Attachments
  /** The callers' own folders, links resolved, by their paths. */
  readonly #folders = new Map<string, string>()
  #workspace: Promise<Workspace> | undefined

  constructor(options: PlannerOptions, keeper: TranscriptKeeper) {
    this.#options = options
    this.#keeper = keeper
    this.#attachments = new Attachments({
      fileBytes: options.fileLimitBytes,
      imageBytes: options.imageLimitBytes,
      allowPrivateNetwork: options.allowPrivateNetwork,
    })
  }

  /** The folder that a request works in, unless its session says otherwise. */
  async folderOf({ claude }: Turn, context: TurnContext): Promise<string> {
    const workspace = await this.#workspaceFor(context)
    return (await askedFolder(claude, workspace)) ?? this.#ownFolder(context.owner)
  }

  async plan(
    turn: Turn,
    context: TurnContext,
    {
      models,
      names,
      session: turnSession,
    }: { models: KnownModels; names: FullNames; session: TurnSession },
  ): Promise<Plan> {
    const { claude } = turn
    const { model, mappedFrom } = resolveModel(turn.model, models)
    const workspace = await this.#workspaceFor(context)
    const asked = await askedFolder(claude, workspace)
    const session = turnSession.known
    const ownFolder = await this.#ownFolder(context.owner)
    const folder = asked ?? sessionFolder(session, ownFolder)
    if (session && asked === undefined)
      checkSessionFolder({ ...session, folder }, context, workspace, ownFolder)
    const addDirs = await Promise.all(
      claude.addDirs.map((path, index) =>
        workspace.folder(path, `claude_options.add_dirs[${index}]`),
      ),
    )
    const place = {
      cwd: folder,
      addDirs,
      roots: workspace.roots,
      forbidden: this.#forbidden(),
      ownFolder,
    }
    const clientTools = new ClientTools(turn)
    const keyTools = context.allowed?.tools
    const policy = { ...this.#options.policy, ...(keyTools && { keyTools }) }
    const { maxToolCalls } = turn.limits
    const bound = maxToolCalls === undefined ? undefined : new CallBound(maxToolCalls)
    const deciding = { first: clientTools.decide, bound }
    const permissions = planPermissions(claude, policy, place, deciding)
    refuseSameNames(turn, permissions.options.tools)
    const messages = await this.#attach(turn, context, { workspace, base: folder })
    if (session) checkPending(await this.#pendingCalls(session, folder), newMessages(messages))
    const fullModel = names.of(model, models.listed)
    const decisions: Decisions = {
      claude: this.#binary(),
      environment: await this.#environment(context.owner),
      folder,
      ...(model !== undefined && { model }),
      ...(fullModel !== undefined && { fullModel }),
      modelListed: model !== undefined && models.listed.some(({ value }) => value === model),
      ...(session && { resume: session.id }),
      isKept: turnSession.isKept,
      ...(claude.debug && { debugLog: await this.#debugLog(context.requestId) }),
      mcpServers: await resolveMcpServers(claude.mcpConfig, {
        named: this.#options.mcpServers,
        allowCommands: this.#options.allowRequestMcpCommands,
        allowPrivateNetwork: this.#options.allowPrivateNetwork,
        readFile: async (path) => {
          const bytes = await workspace.file(
            path,
            folder,
            'claude_options.mcp_config',
            this.#options.fileLimitBytes,
          )
          return bytes.toString('utf8')
        },
      }),
      permissions: permissions.options,
      agentic: permissions.agentic,
      ...(bound && { bound }),
      clientTools,
      ...(turn.output.type !== 'text' && { check: answerCheck(turn.output) }),
    }
    const mapped = mappedFrom === undefined ? [] : [mapping(mappedFrom, model)]
    return { decisions, messages, notices: [...mapped, ...permissions.notices] }
  }

  /** Whether a process that is told these messages of a plan tells the API the same, or must be told them in any case. */
  canBeTold(told: readonly Message[], plan: Plan): boolean {
    return !hasPictures(told) || !this.#canCompose(plan)
  }

  /** How a new process learns the conversation: by its session, by a composed transcript, or message by message. */
  async history(plan: Plan): Promise<{ decisions: Decisions; prompt: Prompt }> {
    const { decisions, messages } = plan
    const told = decisions.resume === undefined ? messages : newMessages(messages)
    const prompt = toPrompt(told)
    const { claudeDir, version = '' } = this.#options
    const sessionId = decisions.resume ?? crypto.randomUUID()
    const { folder, fullModel } = decisions
    const place = { claudeDir, folder, sessionId, version, model: fullModel }
    const whole: ApiMessage[] = [...prompt.earlier, { role: 'user', content: prompt.question }]
    if (decisions.resume !== undefined && told[0]?.role === 'tool') {
      // A process that resumes would take up the calls itself, and not the results that it is sent.
      const added = await continueTranscript(whole, place, new Date())
      await this.#written(decisions, place.sessionId, added)
      return { decisions, prompt: added === undefined ? prompt : { earlier: [], question: [] } }
    }
    const isLong = prompt.earlier.length >= longHistory && this.#canCompose(plan)
    const canBeTold = this.canBeTold(told, plan)
    if (!isLong && canBeTold) return { decisions, prompt }
    try {
      await this.#written(decisions, sessionId, await storeTranscript(whole, place, new Date()))
    } catch (error) {
      // The disk is full, or not to be written to. Telling is only slower.
      if (canBeTold) return { decisions, prompt }
      throw error
    }
    // The question is in the transcript: an empty prompt asks for its answer.
    return {
      decisions: { ...decisions, composed: place.sessionId },
      prompt: { earlier: [], question: [] },
    }
  }

  /** What was written to a transcript here, and not by a process. */
  async #written(
    { folder, isKept }: Decisions,
    session: string,
    lines: string | undefined,
  ): Promise<void> {
    if (!isKept || lines === undefined) return
    await this.#keeper.add(session, { project: projectOf(folder), subpath: '', lines })
  }

  /** Claude Code writes them down a moment after the answer; of a turn that was cut short only its transcript tells. */
  async #pendingCalls(session: KnownSession, folder: string): Promise<string[]> {
    if (session.openCalls) return session.openCalls
    const { claudeDir, version = '' } = this.#options
    const sessionId = session.id
    await this.#keeper.restore(sessionId, projectOf(folder))
    return pendingCalls(transcriptPath({ claudeDir, folder, sessionId, version }))
  }

  /** A session that is resumed has its own transcript, which is Claude Code's alone to write. */
  #canCompose({ decisions: { folder, resume }, messages }: Plan): boolean {
    const isNew = resume === undefined && this.#options.version !== undefined
    return isNew && canWriteTranscript(folder) && !hasOversizedPictures(messages)
  }

  /** The plainest turn: no tools, no session. Its process is the one that should wait. */
  async plainTurn(): Promise<{ turn: Turn; decisions: Decisions }> {
    const folder = await this.#ownFolder(anonymous)
    const place = { cwd: folder, addDirs: [], roots: [], forbidden: [] }
    const { options, agentic } = planPermissions(plainTurn.claude, this.#options.policy, place)
    const environment = await this.#environment(anonymous)
    return {
      turn: plainTurn,
      decisions: {
        claude: this.#binary(),
        environment,
        folder,
        modelListed: false,
        isKept: false,
        mcpServers: {},
        permissions: options,
        agentic,
        clientTools: new ClientTools(plainTurn),
      },
    }
  }

  /** Resolves the files and pictures that a request names, for a backend that gets them inline. */
  async attachments(turn: Turn, context: TurnContext): Promise<UserPart[]> {
    const workspace = await this.#workspaceFor(context)
    const { workingDir } = turn.claude
    const base =
      workingDir === undefined
        ? await this.#ownFolder(context.owner)
        : await workspace.folder(workingDir, 'claude_options.working_dir')
    return this.#attachments.read(turn.claude, { workspace, base }, context.cancellation.signal)
  }

  async close(): Promise<void> {
    await this.#attachments.close()
  }

  async #attach(
    turn: Turn,
    context: TurnContext,
    place: { workspace: Workspace; base: string },
  ): Promise<Message[]> {
    const parts = await this.#attachments.read(turn.claude, place, context.cancellation.signal)
    const messages = await this.#attachments.resolve(turn.messages, context.cancellation.signal)
    // The results of calls may follow the question; it had them then too, and its conversation is known by them.
    const index = messages.findLastIndex(({ role }) => role === 'user')
    const question = messages[index]
    if (parts.length === 0 || question?.role !== 'user') return messages
    return messages.with(index, { ...question, content: [...parts, ...question.content] })
  }

  #binary(): string {
    if (this.#options.claude !== undefined) return this.#options.claude
    throw new TurnError(
      'claude_not_installed',
      'Claude Code is not installed on the server. Run `npm install` there, or set CLAUDE_PATH; `npm run doctor` tells more.',
    )
  }

  /** Where a caller works who names no folder: one of the server's own, apart from every other caller's. */
  #ownFolder(owner: string): Promise<string> {
    return this.#folder('workspaces', owner)
  }

  /** Claude Code's temporary files, which commands in the sandbox may read and write, are apart for each caller too. */
  async #environment(owner: string): Promise<Record<string, string>> {
    const folder = await this.#folder('temporary', owner)
    return { ...this.#options.environment, CLAUDE_CODE_TMPDIR: folder }
  }

  /** A folder of a caller's own, made where it is missing. */
  async #folder(kind: 'workspaces' | 'temporary', owner: string): Promise<string> {
    const path = join(this.#options.dataDir, kind, owner)
    const known = this.#folders.get(path)
    // Asked at once: the thread pool would take longer than the answer.
    if (known !== undefined && existsSync(known)) return known
    await mkdir(path, { recursive: true, mode: 0o700 })
    const made = await realpath(path)
    this.#folders.set(path, made)
    return made
  }

  async #debugLog(requestId: string): Promise<string> {
    const folder = debugFolder(this.#options.dataDir)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return join(folder, `${requestId.replace(/[^\w.-]/g, '_')}.log`)
  }

  /** What no request may reach although it may lie inside a workspace root: sessions and logs of all callers, logins. */
  #forbidden(): string[] {
    return [this.#options.dataDir, this.#options.claudeDir, ...this.#options.forbidden]
  }

  async #workspaceFor({ allowed }: TurnContext): Promise<Workspace> {
    const workspace = await this.#openWorkspace()
    return allowed?.workspaceRoots ? workspace.narrowed(allowed.workspaceRoots) : workspace
  }

  #openWorkspace(): Promise<Workspace> {
    const workspace = (this.#workspace ??= openWorkspace({
      roots: this.#options.workspaceRoots,
      forbidden: [...this.#forbidden(), ...credentialPaths(homedir())],
    }))
    return workspace
  }
}

async function askedFolder(
  { workingDir }: Turn['claude'],
  workspace: Workspace,
): Promise<string | undefined> {
  if (workingDir === undefined) return undefined
  return workspace.folder(workingDir, 'claude_options.working_dir')
}

/** Where a session goes on. A caller's own folder is this server's, whichever server it began on. */
function sessionFolder(session: SessionRecord | undefined, ownFolder: string): string {
  if (session === undefined) return ownFolder
  const { folder } = session
  const isOwn = lastTwo(folder) === lastTwo(ownFolder) && !existsSync(folder)
  return isOwn ? ownFolder : folder
}

/** `workspaces` and the owner, of a caller's own folder. */
function lastTwo(path: string): string {
  return relative(dirname(dirname(path)), path)
}

/** A session may have begun in a folder that its key has lost since, or that was removed, or that only another server has. */
function checkSessionFolder(
  session: SessionRecord,
  { allowed }: TurnContext,
  workspace: Workspace,
  ownFolder: string,
): void {
  if (session.folder === ownFolder) return
  const param = 'claude_options.session_id'
  if (allowed?.workspaceRoots !== undefined && !workspace.contains(session.folder)) {
    throw new TurnError(
      'forbidden',
      `The session '${session.id}' worked in a folder that this API key may not use.`,
      { param },
    )
  }
  if (!existsSync(session.folder)) {
    throw new TurnError(
      'invalid_value',
      `The session '${session.id}' works in ${session.folder}, which this server does not have. Make the folder there, name another one with working_dir, or begin a new session.`,
      { param },
    )
  }
}

/** The owner of callers without a key. */
const anonymous = 'anonymous'

function mapping(from: string, to: string | undefined): Notice {
  return { type: 'model-mapped', from, to: to ?? 'default' }
}
