import {
  type AppendRequest,
  BusFull,
  BusUnavailable,
  type EndOfInput,
  isEncoded,
  MAX_BATCH_BYTES,
  NO_BATCH,
  PayloadBuffers,
  RecordBatchBuilder,
  type SliceEvents,
  type SliceIdentity,
} from '../bus/index.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { AppendPace } from './append-pace.ts'
import type { AppendWait } from './append-wait.ts'
import { isStored, type PartitionLog, type SliceOutcome } from './partition-log.ts'

/** Bytes that may wait for one partition: at 64 KiB a call and 5 ms a call this is 0.3 s of backlog. */
const MAX_PENDING_BYTES = 4 * 1_024 * 1_024
/** After it a slice for which there is no room may be sent again: some calls will have been made. */
const RETRY_FULL_MS = 20
/** How many full batches one call takes from a backlog: 256 KiB hold Redis for less than a millisecond. */
const MAX_PARTS_PER_CALL = 4
/** A batch of this size is sent at once: the fixed cost of a call is small beside it. */
const FULL_ENOUGH_BYTES = MAX_BATCH_BYTES / 4

const OUT_OF_ORDER: SliceOutcome = { verdict: 'out_of_order' }

/**
 * The data of a slice until it is answered. Its events are encoded at once: kept, they would outlive the young
 * generation. Only those that may be out of order by then are kept.
 */
export interface Slice {
  readonly topic: string
  readonly identity: SliceIdentity | undefined
  /** Without an identity: the epoch that the log must have. */
  readonly epoch?: string | undefined
  /** Asked when its call is made: whether it would be stored ahead of one that was not, and so is out of order. */
  readonly overtakes?: (() => boolean) | undefined
  /** Waits for others only where several came with the last call, and only for a short while. */
  readonly isUrgent?: boolean
  /** Input ends behind its events. */
  readonly end?: EndOfInput | undefined
  readonly frame: { resolve(outcome: SliceOutcome): void }
}

/** Called for every append and slice that is stored: MUST be quick. */
export interface AppendObserver {
  /** An append was stored, so long after its first slice had come. */
  onStored?(waitedMs: number): void
  /** A slice with so many events was stored, for the first time. */
  onEvents?(topic: string, events: number): void
}

/** Collects the slices of one partition into append calls, one call under way at a time. */
export class PartitionAppender {
  readonly #log: PartitionLog
  readonly #report: ReportDefect
  readonly #pace: AppendPace
  readonly #observer: AppendObserver
  readonly #buffers: PayloadBuffers
  readonly #waiting: OpenAppend[] = []
  #pendingBytes = 0
  /** Arrival of the oldest slice of the call under way. */
  #inFlightSince: number | undefined
  /** Since the last call of `takeWait`: longest wait of a slice that was answered, ms, and whether Redis answered a call. */
  #longestWaitMs = 0
  #hasAnswered = false
  /** Urgent slices of the last call. */
  #lastUrgent = 0

  /**
   * @param pace of all appenders of the process
   * @param buffers of all of them
   */
  constructor(
    log: PartitionLog,
    report: ReportDefect,
    pace: AppendPace,
    observer: AppendObserver = {},
    buffers = new PayloadBuffers(),
  ) {
    this.#log = log
    this.#pace = pace
    this.#observer = observer
    this.#buffers = buffers
    this.#report = withoutRepeats(report)
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** How long slices have waited since the last call. */
  takeWait(): AppendWait {
    const since = this.#inFlightSince ?? this.#waiting[0]?.openedAt
    const longestMs = Math.max(this.#longestWaitMs, since === undefined ? 0 : performance.now() - since)
    const hasAnswered = this.#hasAnswered
    this.#longestWaitMs = 0
    this.#hasAnswered = false
    return { longestMs, hasAnswered }
  }

  /** @param events none if only the producer's state is to move, or input ends. */
  add(slice: Slice, events: SliceEvents): void {
    const size = sizeOf(events)
    if (this.#pendingBytes + size > MAX_PENDING_BYTES) {
      slice.frame.resolve({ verdict: 'unavailable', retryAfterMs: RETRY_FULL_MS })
      return
    }
    this.#pendingBytes += size
    let open = this.#waiting.at(-1)
    if (open === undefined || !open.fits(size)) {
      open = new OpenAppend(this.#buffers)
      this.#waiting.push(open)
    }
    open.add(slice, events, size)
    this.#schedule()
  }

  /** Resolves when nothing is waiting or under way. New slices MUST NOT be added meanwhile. */
  async drain(): Promise<void> {
    while (this.#inFlightSince !== undefined || this.#waiting.length > 0)
      await new Promise((resolve) => setTimeout(resolve, 1))
  }

  #schedule(): void {
    if (this.#inFlightSince !== undefined) return
    const next = this.#waiting[0]
    if (next === undefined) return
    if (this.#waiting.length > 1 || next.size >= FULL_ENOUGH_BYTES) this.#send()
    else if (next.urgent > 0 && this.#lastUrgent <= 1) this.#pace.atTurnEnd(this.#send)
    // Urgent slices that come in numbers go together, which costs little more than one alone.
    else this.#pace.wait(this.#send, next.urgent > 0)
  }

  readonly #send = (): void => {
    this.#pace.takeBack(this.#send)
    const parts = this.#waiting.splice(0, MAX_PARTS_PER_CALL)
    for (const part of parts) this.#pendingBytes -= part.close((slice) => this.#resolve(slice, OUT_OF_ORDER))
    const call = new AppendCall(parts)
    if (call.slices.length === 0) return this.#schedule()
    this.#inFlightSince = call.openedAt
    this.#lastUrgent = call.urgent
    if (call.urgent > 1) this.#pace.leftUrgent()
    const startedAt = performance.now()
    void this.#outcomes(call).then((outcomes) => {
      const now = performance.now()
      this.#pace.called(now - startedAt)
      this.#longestWaitMs = Math.max(this.#longestWaitMs, now - call.openedAt)
      this.#inFlightSince = undefined
      this.#pendingBytes -= call.size
      if (outcomes.some(isStored)) this.#observer.onStored?.(now - call.openedAt)
      for (let i = 0; i < outcomes.length; i++) {
        if (outcomes[i]!.verdict === 'new') this.#observer.onEvents?.(call.slices[i]!.topic, call.counts[i]!)
        this.#resolve(call.slices[i]!, outcomes[i]!)
      }
      this.#schedule()
    })
  }

  /** One outcome for each slice. Never rejects. */
  async #outcomes(call: AppendCall): Promise<readonly SliceOutcome[]> {
    try {
      const outcomes = await this.#log.append(call.request())
      this.#hasAnswered = true
      // A call that failed may still be on its way, and is left to the collector.
      call.release()
      return outcomes
    } catch (error) {
      const outcome = this.#failure(error)
      return call.slices.map(() => outcome)
    }
  }

  #failure(error: unknown): SliceOutcome {
    if (error instanceof BusUnavailable) return { verdict: 'unavailable', retryAfterMs: error.retryAfterMs }
    this.#hasAnswered = true
    if (error instanceof BusFull) return { verdict: 'storage_full' }
    const defectId = this.#report(`an append to partition ${this.#log.partition}`, error)
    return { verdict: 'internal', defectId, retryAfterMs: RETRY_AFTER_MS.defect }
  }

  /**
   * A frame whose handler throws keeps neither other frames from their answers nor the partition from its next call.
   */
  #resolve({ frame }: Slice, outcome: SliceOutcome): void {
    try {
      frame.resolve(outcome)
    } catch (error) {
      this.#report(`an answer of partition ${this.#log.partition}`, error)
    }
  }
}

/** In characters, where they are not encoded: near enough to bytes for deciding when a call is full. */
function sizeOf(events: SliceEvents): number {
  let size = events.length
  if (isEncoded(events)) for (let i = 0; i < events.length; i++) size += events.bytes(i)
  else for (const { json } of events) size += json.length
  return size
}

/** One record batch per topic, while it is being collected. */
class OpenAppend {
  readonly openedAt = performance.now()
  readonly slices: Slice[] = []
  /** Events of each slice. */
  readonly counts: number[] = []
  readonly #batches = new Map<string, { builder: RecordBatchBuilder; ordinal: number }>()
  readonly #places: AppendRequest['slices'][number][] = []
  readonly #ordered: { readonly slice: Slice; readonly events: SliceEvents; readonly size: number }[] = []
  readonly #buffers: PayloadBuffers
  size = 0
  /** Slices that do not wait. */
  urgent = 0

  constructor(buffers: PayloadBuffers) {
    this.#buffers = buffers
  }

  fits(size: number): boolean {
    return this.size + size <= MAX_BATCH_BYTES
  }

  add(slice: Slice, events: SliceEvents, size: number): void {
    this.size += size
    if (slice.isUrgent === true) this.urgent++
    if (slice.overtakes === undefined) this.#add(slice, events)
    else this.#ordered.push({ slice, events, size })
  }

  /** MUST be called before `build`. @param drop takes those that are out of order. @returns their size */
  close(drop: (slice: Slice) => void): number {
    let dropped = 0
    for (const { slice, events, size } of this.#ordered.splice(0)) {
      if (slice.overtakes!()) {
        dropped += size
        drop(slice)
      } else this.#add(slice, events)
    }
    this.size -= dropped
    return dropped
  }

  #add(slice: Slice, events: SliceEvents): void {
    const { identity, epoch } = slice
    const { batch, lastIndex } = this.#place(slice, events)
    this.#places.push({ batch, lastIndex, identity, epoch })
    this.slices.push(slice)
    this.counts.push(events.length)
  }

  #place({ topic, end }: Slice, events: SliceEvents): { batch: number; lastIndex: number } {
    if (events.length === 0 && end === undefined) return { batch: NO_BATCH, lastIndex: 0 }
    let batch = this.#batches.get(topic)
    if (batch === undefined) {
      batch = { builder: new RecordBatchBuilder(this.#buffers), ordinal: this.#batches.size }
      this.#batches.set(topic, batch)
    }
    batch.builder.addSlice(events, end)
    // A batch without events has a position, too: it shows that the entry is there.
    return { batch: batch.ordinal, lastIndex: Math.max(0, batch.builder.count - 1) }
  }

  /** Redis has the payloads. */
  release(): void {
    for (const { builder } of this.#batches.values()) builder.release()
  }

  /** @param firstBatch number of batches in front of this part's own. */
  build(firstBatch: number): AppendRequest {
    return {
      batches: [...this.#batches].map(([topic, { builder }]) => ({ topic, ...builder.build() })),
      slices:
        firstBatch === 0
          ? this.#places
          : this.#places.map((place) =>
              place.batch === NO_BATCH ? place : { ...place, batch: firstBatch + place.batch },
            ),
    }
  }
}

/** A call under way to Redis. */
class AppendCall {
  readonly slices: readonly Slice[]
  /** Events of each slice. */
  readonly counts: readonly number[]
  readonly size: number
  readonly urgent: number
  readonly openedAt: number
  readonly #parts: readonly OpenAppend[]

  constructor(parts: readonly OpenAppend[]) {
    this.#parts = parts
    const [first, ...others] = parts
    // Most calls have one part, and a copy costs as much as all else that is done here.
    this.slices = others.length === 0 ? first!.slices : parts.flatMap((part) => part.slices)
    this.counts = others.length === 0 ? first!.counts : parts.flatMap((part) => part.counts)
    this.openedAt = parts[0]!.openedAt
    this.size = parts.reduce((sum, part) => sum + part.size, 0)
    this.urgent = parts.reduce((sum, part) => sum + part.urgent, 0)
  }

  /** Redis has answered. */
  release(): void {
    for (const part of this.#parts) part.release()
  }

  request(): AppendRequest {
    if (this.#parts.length === 1) return this.#parts[0]!.build(0)
    const batches: AppendRequest['batches'][number][] = []
    const slices: AppendRequest['slices'][number][] = []
    for (const part of this.#parts) {
      const built = part.build(batches.length)
      batches.push(...built.batches)
      slices.push(...built.slices)
    }
    return { batches, slices }
  }
}
