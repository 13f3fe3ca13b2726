import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { BusUnavailable, COMMANDS_TOPIC, CorruptBatch, type LogEntry, type LogVersion } from '../bus/index.ts'
import {
  decodeOffsets,
  encodeOffsets,
  foldCommandWithSuspicion,
  foldWithSuspicion,
  type OnUnreadable,
  PartitionFold,
  type PlacedCommand,
  SUSPICIOUS_TAKES,
} from '../fold/index.ts'
import { beforeRetry, CommitChain, type LoopEnd } from '../lease/index.ts'
import { withinTimeLimit } from '../time-limit.ts'
import { CommandPoll } from './command-poll.ts'
import { CommandQueue } from './command-queue.ts'
import { emptyOutdated, openSender, openWalk } from './entity-drivers.ts'
import type { EntityWalk } from './entity-walk.ts'
import type { ReadResult } from './entry-source.ts'
import { EventQueue } from './event-queue.ts'
import type { LoopParts, OwnerContext } from './loop-context.ts'
import type { OutboxSender } from './outbox-sender.ts'
import type { LoadedState } from './partition-store.ts'

/** State without output is committed this often: the log still has the events, so nothing waits for it. */
const STATE_COMMIT_MS = 100
/** The same while there is more to read: fewer commits let it catch up sooner. */
const CATCH_UP_COMMIT_MS = 500
/** Outputs are committed this often: subscribers wait for them. The first one after a pause is committed at once. */
const OUTPUT_COMMIT_MS = 20
/** Reports of other partitions are looked for this often: they cannot wake a read of this partition's slot. */
const REPORTS_EVERY_MS = 50
/** Pause while other partitions do not take what entities send them. */
const HELD_UP_MS = 10
/** Longest wait for input while a quiet input may close windows: it delays them by as much. */
const OPEN_BLOCK_MS = 250
const IDLE_BLOCK_MS = 1_000
const URGENT = { isUrgent: true }
/**
 * The fold yields to the event loop this often: for heartbeats, and above all for the rest of large commits, which
 * sockets send in pieces. So often it gives the turn back if another partition has commands, too.
 */
const YIELD_EVERY_MS = 5

/** Reads, folds and commits one partition, starting from one loaded state. */
export class PartitionLoop {
  readonly #context: OwnerContext
  readonly #parts: LoopParts
  readonly #fold: PartitionFold
  readonly #log: LogVersion
  readonly #commits: CommitChain
  #suspicious: boolean
  /** Panes left over by the last commit, or by an earlier owner, are committed before anything is read or folded. */
  #draining: boolean
  readonly #commands: CommandQueue
  readonly #events: EventQueue
  /** Absent where the contract has no entities. */
  readonly #sender: OutboxSender | undefined
  readonly #walk: EntityWalk | undefined
  #lastRead: ReadResult | undefined
  /**
   * When the last commit was sent and reports were last polled, by the monotonic clock: the wall clock may be set back.
   */
  #committedAt = Number.NEGATIVE_INFINITY
  #reportsReadAt = Number.NEGATIVE_INFINITY
  /** Events that come next have no room in the commit. */
  #isFull = false
  /** When the fold yielded to the event loop last, however often it took and gave back the turn since. */
  #yieldedAt = Number.NEGATIVE_INFINITY
  /** Absent where the contract has no entities. */
  readonly #poll: CommandPoll | undefined
  /** The commit that Redis has not answered yet. Events folded meanwhile go into the next one. */
  #inFlight: Promise<LoopEnd | undefined> | undefined
  #isRefused = false
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
    this.#log = state.log
    this.#fold.distrustIdle()
    this.#sender = openSender(context, parts.store, this.#fold, state.log)
    this.#walk = openWalk(context, parts, this.#fold, state.log)
    if (this.#fold.entities !== undefined) {
      const read = () => parts.source.readCommands(this.#cursors().get(COMMANDS_TOPIC)!)
      this.#poll = new CommandPoll(read, () => context.folding.hurry(this))
    }
    this.#commits = new CommitChain(parts.hold, parts.ownership.token, state)
    context.stats.holds(parts.store.partition, this.#fold.openStates)
    this.#draining = this.#fold.hasDue
    this.#suspicious = parts.ownership.takes >= SUSPICIOUS_TAKES
  }

  /** @throws Abandoned, BusMismatch */
  async run(): Promise<LoopEnd> {
    try {
      return await this.#run()
    } finally {
      this.#sender?.close()
    }
  }

  async #run(): Promise<LoopEnd> {
    this.#sender?.send(this.#fold.entities!.outbox.unsent())
    const { trimmer, expiry, meter, ownership } = this.#parts
    // The first commit says by what they show anything.
    const refusal = await emptyOutdated(this.#parts, this.#fold, this.#log)
    const begun = refusal ?? (this.#fold.entities?.builds.isUrgent ? await this.#commit() : undefined)
    if (begun !== undefined) return begun
    while (!this.#isEnding) {
      const end = this.#draining ? await this.#commit() : await this.#readFoldCommit()
      if (end !== undefined) return end
      await trimmer.trimWhenDue(this.#log, ownership.token, () => decodeOffsets(this.#commits.offsetsText))
      await expiry.expireWhenDue(ownership.token)
      await meter.measureWhenDue(() => this.#fold.inputOffsets())
    }
    const end = this.#isDirty ? await this.#commit() : undefined
    return end ?? (await this.#settle()) ?? 'stopped'
  }

  async #readFoldCommit(): Promise<LoopEnd | undefined> {
    await this.#readReports()
    await this.#lookAtPresence()
    await this.#takePolled()
    if (!this.#hasPending) {
      // Somebody waits for the answer of each command: one alone is committed as soon as it is folded.
      const isRound = this.#readCommands > 1 && !this.#isBehind
      if (isRound) await this.#context.rounds.next()
      await this.#read(isRound)
    }
    // Somebody waits for the answer of each.
    if (!this.#commands.isEmpty && !this.#suspicious) await this.#foldCommands()
    if (this.#suspicious && this.#hasPending) {
      const end = await this.#context.folding.run(() => this.#foldUnderSuspicion())
      if (end !== undefined) return end
    }
    // Behind the commit of answers: events may take long.
    if (!this.#fold.hasAnswers) await this.#foldEvents()
    if (this.#fold.isHeldUp) await this.#parts.hold.pause(HELD_UP_MS)
    if (this.#walk?.isDue(this.#hasPending) === true) return this.#walkOn(this.#walk)
    return this.#isCommitDue() ? await this.#commit() : undefined
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
    return this.#isRefused || this.#parts.hold.stopping.aborted
  }

  get #hasPending(): boolean {
    return !this.#events.isEmpty || !this.#commands.isEmpty
  }

  get #hasCommandsLeft(): boolean {
    return !this.#commands.isEmpty || this.#lastRead?.behind.has(COMMANDS_TOPIC) === true
  }

  async #readReports(): Promise<void> {
    const { merges, offsets } = this.#fold
    const now = performance.now()
    if (merges.length === 0 || now - this.#reportsReadAt < REPORTS_EVERY_MS) return
    this.#reportsReadAt = now
    try {
      for (const window of merges) {
        const askedAt = this.#now()
        const reports = await this.#parts.source.readReports(window, offsets)
        for (const { source, entry } of reports) {
          // The offsets lie before the remaining reports: they are read again.
          if (!this.#fold.hasRoomForReport) return
          this.#applyReport(window, source, entry)
        }
        if (reports.length === 0) this.#fold.polledNoReports(askedAt, window)
        await this.#closeWithoutIdle(window)
      }
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      // They may be of partitions that another Redis holds: what lies in this one is read all the same.
      this.#fold.reportsInterrupted()
    }
  }

  #applyReport(window: string, source: number, entry: LogEntry): void {
    try {
      this.#fold.applyReport(window, source, entry)
    } catch (error) {
      if (!(error instanceof CorruptBatch)) throw error
      this.#unreadable(entry, error)
      this.#fold.passOverReport(window, source, entry)
    }
  }

  /** What no owner can read is passed over: it must not end one after the other. */
  readonly #unreadable: OnUnreadable = ({ topic, streamId }, fault) => {
    this.#context.stats.unreadable()
    this.#context.report(
      `record batch ${streamId} of ${topic} in partition ${this.#parts.store.partition}, passed over`,
      fault,
    )
  }

  /** Only where windows wait for nobody but partitions that reported to be idle. */
  async #closeWithoutIdle(window: string): Promise<void> {
    const idle = this.#fold.idleInTheWay(window)
    if (idle.length === 0) return
    const sources = this.#context.pipeline.sourcesOf(window)
    this.#fold.closeWithout(window, await this.#parts.source.withoutInput(window, sources, idle, this.#fold.offsets))
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
        ? await source.readTogether(this.#cursors())
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

  /** What was found while events were folded. */
  async #takePolled(): Promise<void> {
    if (this.#poll !== undefined) this.#addCommands(await this.#poll.take())
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
    while (!this.#commands.isEmpty && this.#fold.hasRoomForCommands && !this.#isEnding) {
      if (!(await this.#isLoaded(() => this.#commands.load(entities)))) continue
      await this.#foldNext(this.#commands.peek())
      await this.#yieldWhenDue()
    }
  }

  /** Where together they take too long, one by one, each in a turn of its own: the process goes on with all else. */
  async #foldNext(next: readonly PlacedCommand[]): Promise<void> {
    const { folding, running } = this.#context
    const { body, fold } = this.#fold.beginCommands(next)
    const folded = fold(await running.run(body))
    this.#commands.drop(folded)
    if (folded > 0) return
    for (const one of next) {
      if (!this.#fold.hasRoomForCommands || this.#isEnding) return
      await folding.run(async () => this.#commands.drop(this.#fold.foldCommands([one])), URGENT)
      await this.#yieldWhenDue()
    }
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
    const { folding, polls } = this.#context
    while (!this.#events.isEmpty && !this.#isFull && !this.#isEnding && this.#poll?.hasFound !== true) {
      if (!(await this.#isLoaded(() => this.#events.load(this.#fold.entities)))) continue
      const turn = () => folding.run(() => this.#foldLoaded(), { caller: this })
      await polls.during(this.#commands.isEmpty ? this.#poll : undefined, turn)
    }
  }

  /** Those that are loaded, in one turn, which others get that have commands. */
  async #foldLoaded(): Promise<void> {
    for (let batch = this.#events.peek(); batch !== undefined; batch = this.#events.peek()) {
      this.#isFull = !this.#fold.hasRoomFor(batch)
      if (this.#isFull) return
      // To its end, also when the owner is stopped: a commit names whole batches.
      let isDone = this.#fold.fold(batch)
      while (!isDone) {
        await this.#yieldWhenDue()
        isDone = this.#fold.foldNext(batch)
      }
      this.#events.shift()
      this.#parts.meter.folded(batch.topic)
      if (performance.now() - this.#yieldedAt < YIELD_EVERY_MS) continue
      this.#context.polls.lookWhenDue()
      await this.#yieldWhenDue()
      if (this.#context.folding.isWanted || this.#poll?.hasFound) return
    }
  }

  /** One batch and some commands, committed at once: from then on nothing is suspicious any more. */
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
    this.#suspicious = false
    return (await this.#commit()) ?? (await this.#settle())
  }

  #isCommitDue(): boolean {
    if (!this.#isDirty) return false
    return this.#isFull || !this.#commands.isEmpty || this.#untilCommitMs() <= 0
  }

  #untilCommitMs(): number {
    // Redis takes whole milliseconds.
    return Math.ceil(this.#committedAt + this.#commitEveryMs() - performance.now())
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
    if (this.#fold.merges.length > 0) limits.push(REPORTS_EVERY_MS)
    if (this.#parts.presence !== undefined) limits.push(this.#parts.presence.waitMs)
    if (this.#isDirty) limits.push(this.#untilCommitMs())
    return Math.ceil(Math.max(0, Math.min(...limits)))
  }

  /** Sends the folded batches once the previous commit is answered. Returns how that one ended the loop, if it did. */
  async #commit(): Promise<LoopEnd | undefined> {
    const end = await this.#settle()
    if (end !== undefined) return end
    this.#inFlight = this.#send()
    this.#inFlight.then(
      (end) => end !== undefined && this.#refuse(),
      () => this.#refuse(),
    )
    return undefined
  }

  /** Ends `run`, which awaits the refused commit and returns its reason. */
  #refuse(): void {
    this.#isRefused = true
    this.#parts.source.wake()
  }

  async #settle(): Promise<LoopEnd | undefined> {
    if (this.#inFlight === undefined) return undefined
    const end = await this.#inFlight
    this.#inFlight = undefined
    // Here and not as soon as it is answered: between two looks at what is stored nothing may be forgotten.
    if (end === undefined) this.#fold.entities?.stored()
    return end
  }

  async #send(): Promise<LoopEnd | undefined> {
    const { store, evidence } = this.#parts
    const ofPresence = this.#parts.presence?.takeOperations() ?? []
    const operations = [...this.#fold.takeOperations(this.#hasCommandsLeft), ...ofPresence]
    const request = this.#commits.next({
      offsets: encodeOffsets(this.#fold.offsets),
      clocks: JSON.stringify(this.#fold.progress()),
      operations,
    })
    const counters = this.#fold.takeCounters()
    const { openStates } = this.#fold
    this.#draining = this.#fold.hasDue
    const startedAt = performance.now()
    this.#committedAt = startedAt
    const reply = await this.#commits.send(request, (again) => store.ledger.commit(again))
    const commitMs = performance.now() - startedAt
    this.#context.rounds.committed(commitMs)
    this.#context.stats.committed(reply.status, commitMs)
    if (reply.status !== 'ok') return reply.status
    this.#sender?.send(this.#fold.entities!.outbox.committed())
    this.#context.stats.folded(counters)
    this.#context.stats.stored(operations)
    this.#context.stats.holds(store.partition, openStates)
    evidence.committed(request, reply.ids)
    return undefined
  }

  /** Takes a step between two commits: it looks at what is stored. */
  async #walkOn(walk: EntityWalk): Promise<LoopEnd | undefined> {
    const end = (this.#fold.isDirty ? await this.#commit() : undefined) ?? (await this.#settle())
    if (end !== undefined || this.#isEnding) return end
    await this.#reading(() => walk.step())
    return this.#fold.isDirty ? this.#commit() : undefined
  }

  #now(): number {
    return this.#context.clock.now()
  }
}
