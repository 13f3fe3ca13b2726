import type { LogEpoch } from '@tidegate/protocol'
import {
  type AppendOptions,
  type AppendReply,
  type AppendRequest,
  BusUnavailable,
  type KnownEntry,
  type Lineage,
  LineageProof,
  type Log,
  type Verdict,
} from '../bus/index.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'

/** How often one call tries to adopt a changed lineage: another process may be adopting it too. */
const SETTLE_ATTEMPTS = 3
/**
 * Limit of client testimony not looked up yet: a second or two of everybody reconnecting. Beyond it the oldest is
 * dropped.
 */
const MAX_TESTIMONY = 10_000

export interface StoredSlice {
  readonly verdict: 'new' | 'duplicate'
  readonly partition: number
  readonly epoch: string
  /** Absent where there was nothing to store. */
  readonly position: string | undefined
  readonly refusedAtFirst: string | undefined
}

export type SliceOutcome =
  | { readonly verdict: Exclude<Verdict, 'new' | 'duplicate' | 'epoch_changed'> }
  | { readonly verdict: 'epoch_changed'; readonly partition: number; readonly epoch: string }
  | StoredSlice
  | { readonly verdict: 'unavailable'; readonly retryAfterMs: number }
  | { readonly verdict: 'storage_full' }
  /** It may have been stored. */
  | { readonly verdict: 'internal'; readonly defectId: string; readonly retryAfterMs: number }

export function isStored(outcome: SliceOutcome): outcome is StoredSlice {
  return outcome.verdict === 'new' || outcome.verdict === 'duplicate'
}

export interface PartitionLogOptions {
  /** Replicas that must have an event before it is acknowledged. */
  readonly replicas: number
  /** Entries seen elsewhere in this process (the tail), for the proof after Redis changed its identity. */
  readonly known: (partition: number) => readonly KnownEntry[]
  /** How long producers are remembered, how many of them, and how many bytes a partition may hold. */
  readonly limits?: Pick<AppendOptions, 'producerMemoryMs' | 'maxProducers' | 'maxBytes'>
  /** Called when the log continues under another epoch, before anything is answered under it. */
  readonly onNewEpoch: (at: LogEpoch) => void
}

type Accepted = { readonly status: 'ok'; readonly epoch: string; readonly lineage: string }
type Refused = { readonly status: 'lineage' } & Lineage

/** The appends of this process in one partition, and the entries it knows to tell whether Redis still has them. */
export class PartitionLog {
  readonly partition: number
  readonly #log: Log
  readonly #options: PartitionLogOptions
  readonly #proof: LineageProof
  /** Topic -> stream id of the newest entry this process stored under the present epoch. */
  readonly #lastStored = new Map<string, string>()
  /** Entries that clients know and that are not looked up yet. */
  readonly #testimony = new Map<string, KnownEntry>()
  /** The look-up under way, and the next one. */
  #examining: Promise<void> = Promise.resolve()
  #nextExamination: Promise<void> | undefined

  constructor(log: Log, options: PartitionLogOptions) {
    this.partition = log.partition
    this.#log = log
    this.#options = options
    this.#proof = new LineageProof(log)
  }

  /** The epoch of the log, once something was stored in it. */
  get epoch(): string | undefined {
    return this.#proof.epoch
  }

  /** Records entries that a client knows. They are looked up before anything else is stored. */
  testify(entries: readonly KnownEntry[]): void {
    for (const entry of entries) this.#testimony.set(`${entry.topic} ${entry.epoch} ${entry.streamId}`, entry)
    for (const name of this.#testimony.keys()) {
      if (this.#testimony.size <= MAX_TESTIMONY) return
      this.#testimony.delete(name)
    }
  }

  /**
   * Resolves once all entries that clients know by now were looked up, and the log has a new epoch if any is gone.
   *
   * @throws BusUnavailable
   */
  examine(): Promise<void> {
    // Callers during a look-up share the next one.
    this.#nextExamination ??= this.#examining
      .catch(() => {})
      .then(() => {
        this.#nextExamination = undefined
        this.#examining = this.#examine()
        return this.#examining
      })
    return this.#nextExamination
  }

  /** The entries that Redis has lost. @throws BusUnavailable */
  missing(entries: readonly KnownEntry[]): Promise<readonly KnownEntry[]> {
    return this.#proof.missing(entries)
  }

  async #examine(): Promise<void> {
    const due = [...this.#testimony]
    if (!(await this.#proof.examine(due.map(([, entry]) => entry)))) return
    for (const [name] of due) this.#testimony.delete(name)
  }

  /**
   * Shows whether the partition can be written to, and that it is still the same log.
   *
   * @throws BusUnavailable, BusFull
   */
  async canary(): Promise<void> {
    await this.#proved((lineage) => this.#log.canary(lineage, this.#options.replicas))
  }

  /** One outcome for each slice of the request. At most one call at a time. @throws BusUnavailable, BusFull */
  async append(request: AppendRequest): Promise<SliceOutcome[]> {
    const { replicas, limits } = this.#options
    const reply = await this.#proved((proved) => this.#log.append(request, { ...limits, proved, replicas }))
    return this.#outcomes(request, reply)
  }

  /** Makes a call, and repeats it after proving that Redis, under another identity, has the same log or a new epoch. */
  async #proved<Reply extends Accepted>(call: (lineage: string) => Promise<Reply | Refused>): Promise<Reply> {
    const { onNewEpoch } = this.#options
    for (let attempt = 0; attempt < SETTLE_ATTEMPTS; attempt++) {
      if (this.#testimony.size > 0) await this.examine()
      const reply = await call(this.#proof.lineage)
      if (reply.status === 'ok') {
        if (this.#proof.accepted(reply.epoch, reply.lineage)) {
          this.#lastStored.clear()
          onNewEpoch({ partition: this.partition, epoch: reply.epoch })
        }
        return reply
      }
      await this.#proof.settle(reply, this.#knownEntries())
    }
    throw new BusUnavailable('not_sent', RETRY_AFTER_MS.lineage, 'Redis changed its identity')
  }

  #outcomes({ batches, slices: asked }: AppendRequest, { epoch, slices }: AppendedSlices): SliceOutcome[] {
    const partition = this.partition
    return slices.map(({ verdict, entry, refusedAtFirst }, i) => {
      if (verdict === 'epoch_changed') return { verdict, partition, epoch }
      if (verdict !== 'new' && verdict !== 'duplicate') return { verdict }
      const batch = batches[asked[i]!.batch]
      if (verdict === 'new' && batch !== undefined) {
        this.#lastStored.set(batch.topic, entry.slice(0, entry.indexOf('.')))
      }
      const position = entry === '-' ? undefined : `${partition}@${epoch}/${entry}`
      return { verdict, partition, epoch, position, refusedAtFirst }
    })
  }

  #knownEntries(): KnownEntry[] {
    const epoch = this.#proof.epoch ?? ''
    const stored = [...this.#lastStored].map(([topic, streamId]) => ({ topic, epoch, streamId }))
    return [...stored, ...this.#options.known(this.partition), ...this.#testimony.values()]
  }
}

type AppendedSlices = Extract<AppendReply, { status: 'ok' }>
