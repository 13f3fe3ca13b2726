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

/** How often a changed identity of Redis is settled for one call: another process may be at it too. */
const SETTLE_ATTEMPTS = 3
const SETTLE_RETRY_MS = 20
/** What clients may have brought and is not looked up yet: a second or two of everybody coming back. Beyond it the oldest go. */
const MAX_TESTIMONY = 10_000

export type SliceOutcome =
  | { readonly verdict: Exclude<Verdict, 'new' | 'duplicate' | 'epoch_changed'> }
  | { readonly verdict: 'epoch_changed'; readonly partition: number; readonly epoch: string }
  | {
      readonly verdict: 'new' | 'duplicate'
      readonly partition: number
      readonly epoch: string
      /** Absent where there was nothing to store. */
      readonly position: string | undefined
      readonly refusedAtFirst: string | undefined
    }
  | { readonly verdict: 'unavailable'; readonly retryAfterMs: number }
  | { readonly verdict: 'storage_full' }
  /** It may have been stored. */
  | { readonly verdict: 'internal'; readonly defectId: string; readonly retryAfterMs: number }

export interface PartitionLogOptions {
  /** Replicas that must have an event before it is acknowledged. */
  readonly replicas: number
  /** Entries seen elsewhere in this process (the tail), for the proof after Redis changed its identity. */
  readonly known: (partition: number) => readonly KnownEntry[]
  /** How long producers are remembered, how many of them, and how many bytes a partition may hold. */
  readonly limits?: Pick<AppendOptions, 'producerMemoryMs' | 'maxProducers' | 'maxBytes'>
  /** Called when the log goes on under another epoch, before anything is answered under it. */
  readonly onNewEpoch: (at: LogEpoch) => void
}

type Accepted = { readonly status: 'ok'; readonly epoch: string; readonly lineage: string }
type Refused = { readonly status: 'lineage' } & Lineage

/** What this process stores in one partition, and what it knows of that to tell whether Redis still has it. */
export class PartitionLog {
  readonly partition: number
  readonly #log: Log
  readonly #options: PartitionLogOptions
  readonly #proof: LineageProof
  /** Topic -> stream id of the newest entry this process stored under the present epoch. */
  readonly #lastStored = new Map<string, string>()
  /** Entries that clients know and that have yet to be looked up. */
  readonly #testimony = new Map<string, KnownEntry>()
  /** Looking them up, now and next. */
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

  /** Takes entries that a client knows. They are looked up before anything else is stored. */
  testify(entries: readonly KnownEntry[]): void {
    for (const entry of entries) this.#testimony.set(`${entry.topic} ${entry.epoch} ${entry.streamId}`, entry)
    for (const name of this.#testimony.keys()) {
      if (this.#testimony.size <= MAX_TESTIMONY) return
      this.#testimony.delete(name)
    }
  }

  /** Resolves once everything that clients know by now was looked up, and the log has a new epoch if any of it is gone. @throws BusUnavailable */
  examine(): Promise<void> {
    // Who comes while it is looked up waits for the next look, and all of them for one.
    this.#nextExamination ??= this.#examining
      .catch(() => {})
      .then(() => {
        this.#nextExamination = undefined
        this.#examining = this.#examine()
        return this.#examining
      })
    return this.#nextExamination
  }

  /** Those of some entries that Redis has lost. @throws BusUnavailable */
  missing(entries: readonly KnownEntry[]): Promise<readonly KnownEntry[]> {
    return this.#proof.missing(entries)
  }

  async #examine(): Promise<void> {
    const due = [...this.#testimony]
    if (!(await this.#proof.examine(due.map(([, entry]) => entry)))) return
    for (const [name] of due) this.#testimony.delete(name)
  }

  /** Shows whether the partition can be written to, and that it is still the same log. @throws BusUnavailable, BusFull */
  async canary(): Promise<void> {
    await this.#proved((lineage) => this.#log.canary(lineage))
  }

  /** One outcome for each slice of the request. At most one call at a time. @throws BusUnavailable, BusFull */
  async append(request: AppendRequest): Promise<SliceOutcome[]> {
    const { replicas, limits } = this.#options
    const reply = await this.#proved((proved) => this.#log.append(request, { ...limits, proved, replicas }))
    return this.#outcomes(request, reply)
  }

  /** Makes a call, and again once it is proved that Redis, under another identity, has the same log or a new epoch. */
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
    throw new BusUnavailable('not_sent', SETTLE_RETRY_MS, 'Redis changed its identity')
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
