import { LANES } from '@tidegate/protocol'
import { type BatchHeader, decodeHeader, type LogEntry, refusedEvents } from '../../bus/index.ts'
import { type EncodedEvents, encodeEvents, type Picks } from './encoded-events.ts'
import type { LaneIndex } from './lanes.ts'

/** Per lane, in the order of `LANES`. */
export type LanePicks = readonly [Picks, Picks, Picks]

/**
 * One record batch on its way to subscribers: its header decoded, its events encoded once for all of them, at the
 * first match.
 */
export class Entry {
  readonly partition: number
  readonly topic: string
  readonly epoch: string
  readonly streamId: string
  readonly header: BatchHeader
  /** Bytes of the events as stored. */
  readonly bytes: number
  readonly #refused: ReadonlySet<number>
  #content: { readonly payload: Buffer } | { readonly encoded: EncodedEvents }
  #lanePicks: LanePicks | undefined
  /** Where each event begins in the payload; made when first needed. */
  #starts: readonly number[] | undefined

  constructor(partition: number, raw: LogEntry) {
    this.partition = partition
    this.topic = raw.topic
    this.epoch = raw.epoch
    this.streamId = raw.streamId
    this.header = decodeHeader(raw.header)
    this.#refused = refusedEvents(this.header, raw.refused)
    this.bytes = raw.payload.length
    this.#content = { payload: raw.payload }
  }

  get encoded(): EncodedEvents {
    if ('encoded' in this.#content) return this.#content.encoded
    const at = `{"at":"${this.partition}@${this.epoch}/${this.streamId}.`
    const encoded = encodeEvents(at, this.header.bytes, this.#content.payload)
    this.#content = { encoded }
    return encoded
  }

  /** The JSON of one event, with or without `at`. */
  jsonOf(index: number): string {
    if ('encoded' in this.#content) {
      const { bytes, starts } = this.#content.encoded
      return bytes.toString('utf8', starts[index], starts[index + 1]! - 1)
    }
    this.#starts ??= payloadStarts(this.header.bytes)
    const start = this.#starts[index]!
    return this.#content.payload.toString('utf8', start, start + this.header.bytes[index]!)
  }

  /** Every event that was not refused, by lane. */
  get lanePicks(): LanePicks {
    if (this.#lanePicks !== undefined) return this.#lanePicks
    const picks: [number[], number[], number[]] = [[], [], []]
    for (let index = 0; index < this.header.count; index++) {
      if (!this.#refused.has(index)) picks[LANES.indexOf(this.header.lanes[index]!) as LaneIndex].push(index)
    }
    this.#lanePicks = picks
    return picks
  }

  /** The events with one of the keys, by lane. */
  picksOf(keys: ReadonlySet<string>): LanePicks {
    const { header, lanePicks } = this
    const only = (picks: Picks): Picks => picks.filter((index) => keys.has(header.keys[index]!))
    return [only(lanePicks[0]), only(lanePicks[1]), only(lanePicks[2])]
  }
}

function payloadStarts(sizes: readonly number[]): number[] {
  let next = 0
  return sizes.map((size) => {
    const start = next
    next += size + 1
    return start
  })
}
