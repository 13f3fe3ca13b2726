import type { OwnerLedger } from '../bus/index.ts'
import { encodeOffsets, type PartitionFold } from '../fold/index.ts'
import { CommitChain, type LoopEnd } from '../lease/index.ts'
import type { FoldSpans, RecordFold } from './fold-spans.ts'
import type { LoopParts, OwnerContext } from './loop-context.ts'
import type { OutboxSender } from './outbox-sender.ts'
import type { LoadedState } from './partition-store.ts'

export interface LoopCommitsOptions {
  readonly fold: PartitionFold
  readonly state: LoadedState
  readonly sender: OutboxSender | undefined
  readonly spans: FoldSpans | undefined
  /** Whether commands wait that a commit does not answer. */
  readonly hasCommandsLeft: () => boolean
  /** Whether something is not folded that was there when this owner took over: it may have ended others. */
  readonly mayBeDeadly: () => boolean
}

/** The commits of one loop. One is under way at a time; what is folded meanwhile goes into the next one. */
export class LoopCommits {
  readonly #context: OwnerContext
  readonly #parts: LoopParts
  readonly #options: LoopCommitsOptions
  readonly #chain: CommitChain
  #inFlight: Promise<LoopEnd | undefined> | undefined
  #isRefused = false
  /** When the last one but for answers was sent, by the monotonic clock: the wall clock may be set back. */
  #committedAt = Number.NEGATIVE_INFINITY

  constructor(context: OwnerContext, parts: LoopParts, options: LoopCommitsOptions) {
    this.#context = context
    this.#parts = parts
    this.#options = options
    this.#chain = new CommitChain(parts.hold, parts.ownership.token, options.state)
  }

  get isRefused(): boolean {
    return this.#isRefused
  }

  get committedAt(): number {
    return this.#committedAt
  }

  /** Offsets as stored. */
  get offsetsText(): string {
    return this.#chain.offsetsText
  }

  /**
   * Sends all that is folded, once the previous commit is answered.
   *
   * @returns how that one ended the loop, if it did
   */
  async whole(): Promise<LoopEnd | undefined> {
    return (await this.settled()) ?? this.#begin(this.#sendWhole())
  }

  /** The same of answers, without the rest where that would hold them up. */
  async answers(): Promise<LoopEnd | undefined> {
    const { fold } = this.#options
    return (await this.settled()) ?? this.#begin(fold.areAnswersApart ? this.#sendAnswers() : this.#sendWhole())
  }

  /** Resolves when none is under way. @returns how the last one ended the loop, if it did */
  async settled(): Promise<LoopEnd | undefined> {
    if (this.#inFlight === undefined) return undefined
    const end = await this.#inFlight
    this.#inFlight = undefined
    // Here and not as soon as it is answered: between two looks at what is stored nothing may be forgotten.
    if (end === undefined) this.#options.fold.entities?.stored()
    return end
  }

  #begin(commit: Promise<LoopEnd | undefined>): undefined {
    this.#inFlight = commit
    commit.then(
      (end) => end !== undefined && this.#refuse(),
      () => this.#refuse(),
    )
  }

  /** Ends the loop, which awaits the refused commit and returns its reason. */
  #refuse(): void {
    this.#isRefused = true
    this.#parts.source.wake()
  }

  async #sendWhole(): Promise<LoopEnd | undefined> {
    const { presence, store } = this.#parts
    const { fold, hasCommandsLeft, spans } = this.#options
    const ofPresence = presence?.takeOperations() ?? []
    const work = fold.take(hasCommandsLeft())
    const counters = fold.takeCounters()
    const { openStates } = fold
    this.#committedAt = performance.now()
    const operations = [...work.operations, ...ofPresence]
    const end = await this.#send({ ...work, operations }, store.ledger, spans?.takeAll())
    if (end !== undefined) return end
    this.#context.stats.folded(counters)
    this.#context.stats.holds(store.partition, openStates)
    return undefined
  }

  #sendAnswers(): Promise<LoopEnd | undefined> {
    const { fold, hasCommandsLeft, spans } = this.#options
    const work = fold.takeAnswers(hasCommandsLeft())
    return this.#send(work, this.#parts.store.answersLedger, spans?.takeCommands())
  }

  async #send(
    { operations, offsets, progress }: ReturnType<PartitionFold['take']>,
    ledger: Pick<OwnerLedger, 'commit'>,
    recordFold: RecordFold | undefined,
  ): Promise<LoopEnd | undefined> {
    const { evidence } = this.#parts
    const { fold, sender, mayBeDeadly } = this.#options
    const request = this.#chain.next({
      offsets: encodeOffsets(offsets),
      clocks: JSON.stringify(progress),
      keepsTakes: mayBeDeadly(),
      operations,
    })
    const startedAt = performance.now()
    const reply = await this.#chain.send(request, (again) => ledger.commit(again))
    const commitMs = performance.now() - startedAt
    this.#context.rounds.committed(commitMs)
    this.#context.stats.committed(reply.status, commitMs)
    if (reply.status !== 'ok') return reply.status
    this.#context.stats.stored(operations)
    this.#context.reports.stored(operations)
    recordFold?.(commitMs)
    sender?.send(fold.entities!.outbox.committed())
    evidence.committed(request, reply.ids)
    return undefined
  }
}
