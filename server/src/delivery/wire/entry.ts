import { LANES } from '@tidegate/protocol'
import { allowsKey, type KeyScope } from '../../access/index.ts'
import { type BatchHeader, BatchReader, type LogEntry } from '../../bus/index.ts'
import { type EncodedEvents, encodeEvents, type Picks } from './encoded-events.ts'
import type { LaneIndex } from './lanes.ts'

/** Per lane, in the order of `LANES`. */
export type LanePicks = readonly [Picks, Picks, Picks]

/**
 * One record batch on its way to subscribers: its header decoded, its events encoded once for all of them, at the first
 * match.
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
  /** Encoding drops the stored form. */
  #content:
    | { readonly kind: 'stored'; readonly batch: BatchReader }
    | { readonly kind: 'encoded'; readonly encoded: EncodedEvents }
  #lanePicks: LanePicks | undefined

  constructor(partition: number, raw: LogEntry) {
    this.partition = partition
    this.topic = raw.topic
    this.epoch = raw.epoch
    this.streamId = raw.streamId
    const batch = new BatchReader(raw)
    this.header = batch.header
    this.#refused = batch.refused
    this.bytes = raw.payload.length
    this.#content = { kind: 'stored', batch }
  }

  get encoded(): EncodedEvents {
    if (this.#content.kind === 'encoded') return this.#content.encoded
    const at = `{"at":"${this.partition}@${this.epoch}/${this.streamId}.`
    const encoded = encodeEvents(at, this.#content.batch)
    this.#content = { kind: 'encoded', encoded }
    return encoded
  }

  /** The JSON of one event, with or without `at`. */
  jsonOf(index: number): string {
    if (this.#content.kind === 'stored') return this.#content.batch.jsonOf(index)
    const { bytes, starts } = this.#content.encoded
    return bytes.toString('utf8', starts[index], starts[index + 1]! - 1)
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
  picksOf(scope: KeyScope): LanePicks {
    const { header, lanePicks } = this
    if (scope.kind === 'all') return lanePicks
    const only = (picks: Picks): Picks => picks.filter((index) => allowsKey(scope, header.keys[index]!))
    return [only(lanePicks[0]), only(lanePicks[1]), only(lanePicks[2])]
  }
}
