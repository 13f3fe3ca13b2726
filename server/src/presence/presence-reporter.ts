import { BusUnavailable, HEARTBEAT_EVERY_MS, type PresenceStore, partitionOf } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import type { ReportDefect } from '../observability/defects.ts'
import type { PresenceBook } from './presence-book.ts'
import { encodeShare, fieldOf, placeOf } from './share.ts'

/** Changes of this time travel together: whoever reconnects at once has not left, and a thousand joins are one report. */
const REPORT_EVERY_MS = 100

export interface ReporterOptions {
  /** Unique to this start of the process. */
  readonly gateway: string
  readonly partitions: number
  readonly storeOf: (partition: number) => Pick<PresenceStore, 'report'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly report: ReportDefect
}

/** What is reported in one partition. */
interface PartitionState {
  readonly partition: number
  /** Fields of shares that may have changed since the last report. Empty while everything is to be sent anyway. */
  readonly changed: Set<string>
  /** Of the newest report. */
  turn: number
  /** Whether a report of ours is stored. `unknown`: everything is sent next. */
  stored: 'nothing' | 'turn' | 'unknown'
  sentAt: number
  inFlight: Promise<void> | undefined
}

/**
 * Reports who is connected to this gateway to the owners of partitions: what has changed, with a heartbeat. While Redis is
 * away nothing is kept but who is connected; afterwards all of it is reported anew.
 */
export class PresenceReporter {
  readonly #options: ReporterOptions
  readonly #book: Pick<PresenceBook, 'share' | 'shares'>
  readonly #states: readonly PartitionState[]
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ReporterOptions, book: Pick<PresenceBook, 'share' | 'shares'>) {
    this.#options = options
    this.#book = book
    this.#states = Array.from({ length: options.partitions }, (_, partition) => ({
      partition,
      changed: new Set(),
      turn: 0,
      stored: 'nothing',
      sentAt: Number.NEGATIVE_INFINITY,
      inFlight: undefined,
    }))
  }

  start(): void {
    this.#timer = setInterval(() => void this.tick(), REPORT_EVERY_MS)
  }

  changed(topic: string, key: string): void {
    const state = this.#states[partitionOf(key, this.#options.partitions)]!
    if (state.stored !== 'unknown') state.changed.add(fieldOf(topic, key))
  }

  /** Sends what is due. Resolves when it is answered; never rejects. */
  async tick(): Promise<void> {
    if (this.#isClosed) return
    const now = this.#options.clock.monotonic()
    await Promise.all(this.#states.filter((state) => isDue(state, now)).map((state) => this.#send(state, now)))
  }

  /** Reports once more: by now nobody is connected. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    clearInterval(this.#timer)
    await Promise.all(this.#states.map(({ inFlight }) => inFlight))
    await this.tick()
    // Once more where it was refused.
    await this.tick()
    this.#isClosed = true
  }

  #send(state: PartitionState, now: number): Promise<void> {
    state.sentAt = now
    state.inFlight = this.#report(state).then(() => {
      state.inFlight = undefined
    })
    return state.inFlight
  }

  async #report(state: PartitionState): Promise<void> {
    const { gateway, storeOf, report } = this.#options
    const { partition } = state
    const isWhole = state.stored !== 'turn'
    const fields = isWhole ? this.#fieldsOf(partition) : [...state.changed]
    const base = isWhole ? undefined : state.turn
    if (isWhole || fields.length > 0) state.turn++
    state.changed.clear()
    state.stored = 'turn'
    const set: (readonly [string, string])[] = []
    const remove: string[] = []
    for (const field of fields) {
      const { topic, key } = placeOf(field)
      const share = this.#book.share(topic, key)
      if (share === undefined) remove.push(field)
      else set.push([field, encodeShare(share)])
    }
    try {
      const reply = await storeOf(partition).report({
        gateway,
        turn: state.turn,
        ...(base !== undefined && { base }),
        set,
        remove: isWhole ? [] : remove,
      })
      state.stored = STORED[reply]
      // Redis answers: there is nothing to wait for.
      if (reply === 'anew') state.sentAt = Number.NEGATIVE_INFINITY
    } catch (error) {
      state.stored = 'unknown'
      if (!(error instanceof BusUnavailable)) report(`a report of who is connected, partition ${partition}`, error)
    }
    if (state.stored === 'unknown') state.changed.clear()
  }

  #fieldsOf(partition: number): string[] {
    const fields: string[] = []
    for (const [topic, key] of this.#book.shares()) {
      if (partitionOf(key, this.#options.partitions) === partition) fields.push(fieldOf(topic, key))
    }
    return fields
  }
}

const STORED = { ok: 'turn', empty: 'nothing', anew: 'unknown' } as const

function isDue({ inFlight, changed, stored, sentAt }: PartitionState, now: number): boolean {
  if (inFlight !== undefined) return false
  return changed.size > 0 || (stored !== 'nothing' && now - sentAt >= HEARTBEAT_EVERY_MS)
}
