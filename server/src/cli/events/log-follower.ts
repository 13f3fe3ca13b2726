import { compareStreamIds, type DeliveredEvent } from '@tidegate/protocol'
import { type BatchHeader, type Bus, LOG_START, type LogEntry, lastIdBefore } from '../../bus/index.ts'
import { msOf } from '../../fold/index.ts'
import { storedEvents } from '../../queries/index.ts'

/** Entries of one read of a partition: an entry may have 64 KiB. */
const PAGE_ENTRIES = 64

/** Something that a follower could not be shown. */
export interface LogGap {
  readonly partition: number
  /** `trimmed`: removed by retention. `epoch`: Redis lost its newest data. `unreadable`: no version of Tidegate wrote it. */
  readonly reason: 'trimmed' | 'epoch' | 'unreadable'
  /** Stream ids: behind the one, up to the other. */
  readonly after: string
  readonly to: string
}

export interface Followed {
  readonly events: readonly DeliveredEvent[]
  readonly gaps: readonly LogGap[]
  /** Nothing more is stored for now. */
  readonly isAtEnd: boolean
}

/** Reads one topic's log in one partition, from a place on, and says what it could not be shown. */
export class LogFollower {
  readonly #bus: Bus
  readonly #topic: string
  readonly #partition: number
  readonly #isWanted: (header: BatchHeader, index: number) => boolean
  #cursor = LOG_START
  #epoch: string | undefined

  constructor(bus: Bus, topic: string, partition: number, isWanted: (header: BatchHeader, index: number) => boolean) {
    this.#bus = bus
    this.#topic = topic
    this.#partition = partition
    this.#isWanted = isWanted
  }

  /** @param from `end`, `beginning`, or ms since 1970 when the first event was stored @throws BusUnavailable */
  async start(from: 'end' | 'beginning' | number): Promise<void> {
    const { epoch, topics } = await this.#bus.log(this.#partition, 'query').heads([this.#topic])
    const { lastId, trimmedTo } = topics.get(this.#topic)!
    this.#epoch = epoch
    if (from === 'end') this.#cursor = lastId
    // From the beginning nothing is missed, whatever retention has removed.
    else this.#cursor = from === 'beginning' ? trimmedTo : lastIdBefore(from)
  }

  /** The next page. @throws BusUnavailable */
  async next(): Promise<Followed> {
    const log = this.#bus.log(this.#partition, 'query')
    const { entries, trimmedTo, epoch } = await log.page(this.#topic, `(${this.#cursor}`, PAGE_ENTRIES)
    if (epoch !== this.#epoch) return this.#beginEpoch(epoch)
    const gaps: LogGap[] = []
    if (compareStreamIds(trimmedTo, this.#cursor) > 0) {
      gaps.push(this.#gap('trimmed', trimmedTo))
      this.#cursor = trimmedTo
    }
    const events = entries.flatMap((entry) => this.#eventsOf(entry, gaps))
    return { events, gaps, isAtEnd: entries.length < PAGE_ENTRIES }
  }

  #eventsOf(entry: LogEntry, gaps: LogGap[]): readonly DeliveredEvent[] {
    const stored = storedEvents(this.#partition, entry, undefined, this.#isWanted)
    if (stored === undefined) gaps.push(this.#gap('unreadable', entry.streamId))
    this.#cursor = entry.streamId
    return (stored ?? []).map(({ event }) => event)
  }

  /** Events shown under the previous epoch may be gone; stream ids may be smaller than those shown. */
  async #beginEpoch(epoch: string | undefined): Promise<Followed> {
    const heads = await this.#bus.log(this.#partition, 'query').heads([this.#topic])
    const { lastId } = heads.topics.get(this.#topic)!
    const gap = this.#gap('epoch', lastId)
    this.#epoch = epoch
    if (compareStreamIds(lastId, this.#cursor) < 0) this.#cursor = lastId
    return { events: [], gaps: [gap], isAtEnd: false }
  }

  #gap(reason: LogGap['reason'], to: string): LogGap {
    return { partition: this.#partition, reason, after: this.#cursor, to }
  }
}

/** A gap for people. */
export function gapText({ partition, reason, after, to }: LogGap): string {
  const time = (id: string) => (msOf(id) === 0 ? 'the beginning' : new Date(msOf(id)).toISOString())
  switch (reason) {
    case 'trimmed':
      return `gap: partition ${partition}: what was stored from ${time(after)} to ${time(to)} was removed by retention`
    case 'epoch':
      return `gap: partition ${partition}: Redis has lost its newest data; events shown before may be gone`
    case 'unreadable':
      return `gap: partition ${partition}: the record batch ${to} cannot be read`
  }
}
