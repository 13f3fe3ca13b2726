import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { BusUnavailable, COMMANDS_TOPIC, type LogEntry, type LogVersion } from '../bus/index.ts'
import {
  decodeOffsets,
  foldCommandWithSuspicion,
  foldWithSuspicion,
  type OnUnreadable,
  PartitionFold,
  type PlacedCommand,
  SUSPICIOUS_TAKES,
} from '../fold/index.ts'
import { beforeRetry, type LoopEnd } from '../lease/index.ts'
import { withinTimeLimit } from '../time-limit.ts'
import { learnAnswered } from './answered-scan.ts'
import { Chores } from './chores.ts'
import type { CommandSeeker } from './command-poll.ts'
import { CommandQueue } from './command-queue.ts'
import { emptyOutdated, openSender, openWalk } from './entity-drivers.ts'
import type { EntityWalk } from './entity-walk.ts'
import type { ReadResult } from './entry-source.ts'
import { EventQueue } from './event-queue.ts'
import { FoldSpans } from './fold-spans.ts'
import { LoopCommits } from './loop-commits.ts'
import type { LoopParts, OwnerContext } from './loop-context.ts'
import type { OutboxSender } from './outbox-sender.ts'
import type { LoadedState } from './partition-store.ts'
import { ReportReader } from './report-reader.ts'

/** State without output is committed this often: the log still has the events, so nothing waits for it. */
const STATE_COMMIT_MS = 100
/** The same while there is more to read: fewer commits let it catch up sooner. */
const CATCH_UP_COMMIT_MS = 500
/** Outputs are committed this often: subscribers wait for them. The first one after a pause is committed at once. */
const OUTPUT_COMMIT_MS = 20
/** Pause while other partitions do not take what entities send them. */
const HELD_UP_MS = 10
/** Longest wait for input while a quiet input may close windows: it delays them by as much. */
const OPEN_BLOCK_MS = 250
const IDLE_BLOCK_MS = 1_000
const URGENT = { isUrgent: true }
/**
 * The fold yields to the event loop this often: for heartbeats, for the rest of large commits, which sockets send in pieces,
 * and above all for commands, which wait for several turns of the event loop on their way. So often it gives the turn back if
 * another partition has commands, too.
 */
const YIELD_EVERY_MS = 2

/** Reads, folds and commits one partition, starting from one loaded state. */
export class PartitionLoop {
  readonly #context: OwnerContext
  readonly #parts: LoopParts
  readonly #fold: PartitionFold
  readonly #log: LogVersion
  readonly #commits: LoopCommits
  #suspicious: boolean
  /** Panes left over by the last commit, or by an earlier owner, are committed before any event is read or folded. */
  #draining: boolean
  readonly #commands: CommandQueue
  readonly #events: EventQueue
  readonly #reports: ReportReader
  /** Absent where the contract has no entities. */
  readonly #sender: OutboxSender | undefined
  readonly #walk: EntityWalk | undefined
  /** Absent where nobody records traces. */
  readonly #spans: FoldSpans | undefined
  #lastRead: ReadResult | undefined
  /** Events that come next have no room in the commit. */
  #isFull = false
  /** When the fold yielded to the event loop last, however often it took and gave back the turn since. */
  #yieldedAt = Number.NEGATIVE_INFINITY
  readonly #seeker: CommandSeeker
  readonly #chores = new Chores()
  #isFoldingCommands = false
  /** Found while commands were folded. The answers of those do not wait for them, and what they need is not loaded beside. */
  #foundMeanwhile: readonly LogEntry[] = []
  /** A commit gave way to commands. */
  #isPutOff = false
  /** How many commands the last read brought. */
  #readCommands = 0

  constructor(context: OwnerContext, parts: LoopParts, state: LoadedState) {
    this.#context = context
    this.#parts = parts
    const { pipeline, partitions, clock, report } = context
    const handlers = {
      epoch: state.log.epoch,
      now: () => clock.now(),
      limited: withinTimeLimit,
      incident: report,
    }
    this.#fold = new PartitionFold(pipeline, parts.store.partition, partitions, state, { handlers })
    this.#commands = new CommandQueue(parts.loader, this.#unreadable)
    this.#events = new EventQueue(parts.loader, pipeline, this.#unreadable)
    this.#reports = new ReportReader(context, this.#fold, parts.source, this.#unreadable)
    this.#log = state.log
    this.#fold.merged.distrustIdle()
    this.#sender = openSender(context, parts.store, this.#fold, state.log)
    this.#walk = openWalk(context, parts, this.#fold, state.log)
    this.#seeker = {
      partition: parts.store.partition,
      cursor: () => this.#cursors().get(COMMANDS_TOPIC)!,
      hasRoom: () => this.#commands.hasRoom && this.#foundMeanwhile.length === 0,
      found: (entries) => this.#found(entries),
    }
    this.#spans = context.spans && new FoldSpans(context.spans, parts.store.partition)
    this.#commits = new LoopCommits(context, parts, {
      ...{ fold: this.#fold, state, sender: this.#sender, spans: this.#spans },
      hasCommandsLeft: () => this.#hasCommandsLeft,
      mayBeDeadly: () => this.#hasPending || this.#isBehind || this.#lastRead === undefined,
    })
    context.stats.holds(parts.store.partition, this.#fold.openStates)
    this.#draining = this.#fold.hasDue
    this.#suspicious = parts.ownership.takes >= SUSPICIOUS_TAKES
  }

  /** @throws Abandoned, BusMismatch */
  async run(): Promise<LoopEnd> {
    const ended = new AbortController()
    this.#learnAnswered(ended.signal)
    const leave = this.#context.reports.join({ windows: this.#fold.merged.names, wake: () => this.#reports.wake() })
    try {
      return await this.#run()
    } finally {
      leave()
      this.#context.polls.leave(this.#seeker)
      ended.abort()
      this.#sender?.close()
      await this.#chores.ended()
    }
  }

  /** Beside all else: until it is done, every command is looked up. */
  #learnAnswered(ended: AbortSignal): void {
    const { store } = this.#parts
    if (this.#fold.entities === undefined) return
    learnAnswered(store.entities, this.#fold.entities.answeredIds, ended).catch((error: unknown) => {
      this.#context.report(`commands of partition ${store.partition} that have an answer`, error)
    })
  }

  async #run(): Promise<LoopEnd> {
    this.#sender?.send(this.#fold.entities!.outbox.unsent())
    const { meter } = this.#parts
    // The first commit says by what they show anything.
    const refusal = await emptyOutdated(this.#parts, this.#fold, this.#log)
    const begun = refusal ?? (this.#fold.entities?.builds.isUrgent ? await this.#commit() : undefined)
    if (begun !== undefined) return begun
    while (!this.#isEnding) {
      this.#lookForCommands()
      const end = this.#draining ? await this.#drain() : await this.#readFoldCommit()
      if (end !== undefined) return end
      this.#chores.begin(this.#doWhenDue)
      await meter.measureWhenDue(() => this.#fold.inputOffsets())
    }
    const end = this.#isDirty ? await this.#commit() : undefined
    return end ?? (await this.#commits.settled()) ?? 'stopped'
  }

  /** Beside commits, which only move on what is trimmed and expired by: calls of an owner that has lost the partition do nothing. */
  readonly #doWhenDue = async (): Promise<void> => {
    const { trimmer, expiry, ownership } = this.#parts
    await trimmer.trimWhenDue(this.#log, ownership.token, () => decodeOffsets(this.#commits.offsetsText))
    await expiry.expireWhenDue(ownership.token)
  }

  /** While something else is to be done: a read brings them as well. */
  #lookForCommands(): void {
    const isBusy = this.#draining || !this.#events.isEmpty
    if (isBusy && this.#fold.entities !== undefined && !this.#suspicious) this.#context.polls.join(this.#seeker)
    else this.#context.polls.leave(this.#seeker)
  }

  /** @returns how the commit before ended the loop, if it did */
  async #commit(): Promise<LoopEnd | undefined> {
    const end = await this.#commits.whole()
    this.#draining = this.#fold.hasDue
    return end
  }

  /** The same, once the one before is answered. Commands that were found meanwhile are answered first, once. */
  async #commitBehindCommands(): Promise<LoopEnd | undefined> {
    const end = await this.#commits.settled()
    if (end !== undefined) return end
    const mayGiveWay = !this.#isPutOff && !this.#suspicious && !this.#isEnding && this.#fold.areAnswersApart
    this.#isPutOff = mayGiveWay && this.#areCommandsNext
    return this.#isPutOff ? undefined : this.#commit()
  }

  async #commitAnswers(): Promise<LoopEnd | undefined> {
    const end = await this.#commits.answers()
    this.#draining = this.#fold.hasDue
    return end
  }

  /** Commands that come meanwhile are answered in between. */
  async #drain(): Promise<LoopEnd | undefined> {
    const end = await this.#commitBehindCommands()
    if (end !== undefined || this.#suspicious || !this.#areCommandsNext) return end
    await this.#foldCommands()
    return this.#fold.hasAnswers ? this.#commitAnswers() : undefined
  }

  async #readFoldCommit(): Promise<LoopEnd | undefined> {
    await this.#reports.readWhenDue()
    await this.#lookAtPresence()
    if (!this.#hasPending) {
      // Somebody waits for the answer of each command: one alone is committed as soon as it is folded.
      const isRound = this.#readCommands > 1 && !this.#isBehind
      if (isRound) await this.#context.rounds.next()
      await this.#read(isRound)
      this.#lookForCommands()
    }
    // Somebody waits for the answer of each.
    if (!this.#commands.isEmpty && !this.#suspicious) await this.#foldCommands()
    if (this.#suspicious && this.#hasPending) {
      const end = await this.#context.folding.run(() => this.#foldUnderSuspicion())
      if (end !== undefined) return end
    }
    // Behind the commit of answers: events may take long.
    if (!this.#fold.hasAnswers && !this.#suspicious) await this.#foldEvents()
    if (this.#fold.isHeldUp) await this.#parts.hold.pause(HELD_UP_MS)
    if (this.#walk?.isDue(this.#hasPending) === true) return this.#walkOn(this.#walk)
    if (!this.#isCommitDue()) return undefined
    return this.#fold.hasAnswers ? this.#commitAnswers() : this.#commitBehindCommands()
  }

  async #lookAtPresence(): Promise<void> {
    const { presence, store } = this.#parts
    if (presence === undefined) return
    await presence.lookWhenDue()
    this.#context.stats.present(store.partition, presence.subjects())
  }

  /** Whether a commit would write anything. */
  get #isDirty(): boolean {
    return this.#fold.isDirty || this.#parts.presence?.isDirty === true
  }

  get #isEnding(): boolean {
    return this.#commits.isRefused || this.#parts.hold.stopping.aborted
  }

  get #hasPending(): boolean {
    return !this.#events.isEmpty || !this.#commands.isEmpty
  }

  /** Whether commands wait that the next commit has room for. */
  get #areCommandsNext(): boolean {
    return !this.#commands.isEmpty && this.#fold.hasRoomForCommands
  }

  get #hasCommandsLeft(): boolean {
    return !this.#commands.isEmpty || this.#lastRead?.behind.has(COMMANDS_TOPIC) === true
  }

  /** Passes over entries that no owner can read: they must not end one owner after the other. */
  readonly #unreadable: OnUnreadable = ({ topic, streamId }, fault) => {
    this.#context.stats.unreadable()
    this.#context.report(
      `record batch ${streamId} of ${topic} in partition ${this.#parts.store.partition}, passed over`,
      fault,
    )
  }

  /** @param isRound whether others read at the same moment, and something has come most likely */
  async #read(isRound: boolean): Promise<void> {
    await this.#reading(async () => {
      if (this.#isEnding) return
      // All of it is folded by now.
      if (this.#lastRead !== undefined) this.#fold.readToEnd(this.#lastRead.polledAt, this.#lastRead.behind)
      if (!this.#isBehind) this.#context.stats.caughtUp(this.#parts.store.partition)
      const { source } = this.#parts
      this.#lastRead = isRound
        ? await source.readTogether(this.#cursors(), this.#context.reads)
        : await source.read(this.#cursors(), this.#waitMs())
      const { entries, polledAt } = this.#lastRead
      const ofTopics = entries.filter(({ topic }) => topic !== COMMANDS_TOPIC)
      this.#events.add(ofTopics)
      this.#addCommands(entries)
      this.#readCommands = this.#commands.size
      this.#fold.polledEmpty(polledAt, new Set(ofTopics.map(({ topic }) => topic)))
      for (const entry of ofTopics) this.#saw(entry)
      this.#context.stats.read(this.#parts.store.partition, ofTopics[0])
      this.#context.stats.waitsFor(this.#parts.store.partition, this.#fold.waitsFor())
    })
  }

  /** Behind everything that was read, folded or not. */
  #cursors(): Map<string, string> {
    const cursors = this.#fold.cursors()
    if (this.#commands.readTo !== undefined) cursors.set(COMMANDS_TOPIC, this.#commands.readTo)
    return cursors
  }

  #addCommands(entries: readonly LogEntry[]): void {
    const folded = this.#fold.offsets.get(COMMANDS_TOPIC)
    for (const entry of entries) {
      if (entry.topic !== COMMANDS_TOPIC) continue
      this.#commands.add(entry, folded)
      this.#saw(entry)
    }
  }

  #saw({ topic, epoch, streamId }: LogEntry): void {
    this.#parts.evidence.saw({ topic, epoch, streamId })
  }

  /** Commands have come while something else is done: what they need is there once the turn is given back. */
  #found(entries: readonly LogEntry[]): void {
    if (this.#isFoldingCommands) {
      this.#foundMeanwhile = entries
      return
    }
    this.#addCommands(entries)
    if (this.#commands.isEmpty) return
    if (!this.#context.pipeline.hasEntitiesOnTopics) this.#commands.loadAhead(this.#fold.entities!)
    this.#context.folding.hurry(this)
  }

  /** While Redis does not answer, the state is kept and no watermark moves. */
  async #reading(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      this.#lastRead = undefined
      this.#fold.interrupted()
      await beforeRetry()
    }
  }

  /** Whether it was loaded. Else Redis did not answer. */
  async #isLoaded(load: () => Promise<void>): Promise<boolean> {
    let isLoaded = false
    await this.#reading(async () => {
      await load()
      isLoaded = true
    })
    return isLoaded
  }

  async #foldCommands(): Promise<void> {
    const entities = this.#fold.entities!
    this.#yieldedAt = performance.now()
    this.#isFoldingCommands = true
    while (!this.#commands.isEmpty && this.#fold.hasRoomForCommands && !this.#isEnding) {
      if (!(await this.#isLoaded(() => this.#commands.load(entities)))) continue
      await this.#foldNext(this.#commands.peek())
      // Behind the last ones comes their commit, which is to leave with those of other partitions.
      if (!this.#commands.isEmpty) await this.#yieldWhenDue()
    }
    this.#isFoldingCommands = false
    const found = this.#foundMeanwhile
    this.#foundMeanwhile = []
    if (found.length > 0) this.#found(found)
  }

  /** Where together they take too long, one by one, each in a turn of its own, so that the process can do everything else. */
  async #foldNext(next: readonly PlacedCommand[]): Promise<void> {
    const { folding, running } = this.#context
    const { body, fold } = this.#fold.beginCommands(next)
    const folded = fold(await running.run(body))
    this.#dropCommands(next.slice(0, folded))
    if (folded > 0) return
    for (const one of next) {
      if (!this.#fold.hasRoomForCommands || this.#isEnding) return
      await folding.run(async () => this.#dropCommands([one].slice(0, this.#fold.foldCommands([one]))), URGENT)
      await this.#yieldWhenDue()
    }
  }

  #dropCommands(folded: readonly PlacedCommand[]): void {
    this.#commands.drop(folded.length)
    this.#spans?.commands(folded.map(({ command }) => command))
  }

  async #yieldWhenDue(): Promise<void> {
    if (performance.now() - this.#yieldedAt < YIELD_EVERY_MS) return
    await yieldToLoop()
    this.#yieldedAt = performance.now()
  }

  /** Until nothing is left, the commit is full, or commands have come. */
  async #foldEvents(): Promise<void> {
    this.#isFull = false
    this.#yieldedAt = performance.now()
    const { folding } = this.#context
    while (!this.#events.isEmpty && !this.#isFull && !this.#isEnding && !this.#areCommandsNext) {
      if (!(await this.#isLoaded(() => this.#events.load(this.#fold.entities)))) continue
      await folding.run(() => this.#foldLoaded(), { caller: this })
    }
  }

  /** Those that are loaded, in one turn, which others get that have commands. */
  async #foldLoaded(): Promise<void> {
    while (!this.#areCommandsNext) {
      const batch = this.#events.peek()
      if (batch === undefined) return
      this.#isFull = !this.#fold.hasRoomFor(batch)
      if (this.#isFull) return
      // To its end, also when the owner is stopped: a commit names whole batches.
      let isDone = this.#fold.fold(batch)
      while (!isDone) {
        await this.#yieldWhenDue()
        isDone = this.#fold.foldNext(batch)
      }
      this.#events.shift()
      this.#spans?.events(batch.topic, batch.events)
      this.#parts.meter.folded(batch.topic)
      if (performance.now() - this.#yieldedAt < YIELD_EVERY_MS) continue
      await this.#yieldWhenDue()
      if (this.#context.folding.isWanted) return
    }
  }

  /** One batch and some commands, committed at once. Once all that was read is folded, nothing is suspicious any more. */
  async #foldUnderSuspicion(): Promise<LoopEnd | undefined> {
    const { store, ownership, hold } = this.#parts
    const { suspect } = ownership
    const note = (now: string) => hold.answered(() => store.ledger.noteSuspect(this.#log, ownership.token, now))
    this.#context.log(`partition ${store.partition}: owners keep ending, folding one by one`)
    if (!this.#events.isEmpty) {
      await hold.answered(() => this.#events.load(this.#fold.entities))
      const batch = this.#events.peek()!
      const refusal = await foldWithSuspicion(this.#fold, batch, suspect, note)
      if (refusal !== undefined) return refusal
      this.#events.shift()
      this.#parts.meter.folded(batch.topic)
    }
    if (!this.#commands.isEmpty) {
      await hold.answered(() => this.#commands.load(this.#fold.entities!))
      for (const [i, placed] of this.#commands.peek().entries()) {
        if (i > 0 && !this.#fold.hasRoomForCommands) break
        const refusal = await foldCommandWithSuspicion(this.#fold, placed, suspect, note)
        if (refusal !== undefined) return refusal
        this.#commands.drop(1)
      }
    }
    this.#suspicious = this.#hasPending
    return (await this.#commit()) ?? (await this.#commits.settled())
  }

  #isCommitDue(): boolean {
    if (!this.#isDirty) return false
    // Commands that were found just now are of this commit: their answers would wait for it.
    if (this.#areCommandsNext && !this.#fold.hasAnswers) return false
    return this.#isFull || !this.#commands.isEmpty || this.#untilCommitMs() <= 0
  }

  #untilCommitMs(): number {
    // Redis takes whole milliseconds.
    return Math.ceil(this.#commits.committedAt + this.#commitEveryMs() - performance.now())
  }

  #commitEveryMs(): number {
    if (this.#fold.hasAnswers) return 0
    if (this.#fold.hasOutputs || this.#parts.presence?.isDirty === true) return OUTPUT_COMMIT_MS
    return this.#isBehind ? CATCH_UP_COMMIT_MS : STATE_COMMIT_MS
  }

  get #isBehind(): boolean {
    return this.#lastRead !== undefined && this.#lastRead.behind.size > 0
  }

  /** How long the next read may wait. */
  #waitMs(): number {
    const idle = this.#fold.hasOpenWindows ? OPEN_BLOCK_MS : IDLE_BLOCK_MS
    const limits = [idle, this.#walk?.waitMs ?? idle]
    if (this.#fold.merged.names.length > 0) limits.push(this.#reports.waitMs)
    if (this.#parts.presence !== undefined) limits.push(this.#parts.presence.waitMs)
    if (this.#isDirty) limits.push(this.#untilCommitMs())
    return Math.ceil(Math.max(0, Math.min(...limits)))
  }

  /** Takes a step between two commits: it looks at what is stored. */
  async #walkOn(walk: EntityWalk): Promise<LoopEnd | undefined> {
    const end = (this.#fold.isDirty ? await this.#commit() : undefined) ?? (await this.#commits.settled())
    if (end !== undefined || this.#isEnding) return end
    // Anything loaded meanwhile could be as it was before the step.
    this.#context.polls.leave(this.#seeker)
    await this.#commands.settled()
    await this.#reading(() => walk.step())
    return this.#fold.isDirty ? this.#commit() : undefined
  }
}
