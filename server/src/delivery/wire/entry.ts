import { LANES } from '@tidegate/protocol'
import { allowsKey, type HiddenFields, type KeyScope, shownJson } from '../../access/index.ts'
import { type BatchHeader, BatchReader, type LogEntry } from '../../bus/index.ts'
import type { Arrival } from './arrival.ts'
import { type EncodedEvents, encodeEvents, type Picks } from './encoded-events.ts'
import type { LaneIndex } from './lanes.ts'

/** Per lane, in the order of `LANES`. */
export type LanePicks = readonly [Picks, Picks, Picks]

/**
 * One record batch on its way to subscribers: its header decoded, its events encoded once for all of them who see the
 * same, at the first match.
 */
export class Entry {
  readonly partition: number
  readonly topic: string
  readonly epoch: string
  readonly streamId: string
  readonly header: BatchHeader
  /** Bytes of the events as stored. */
  readonly bytes: number
  /** Set while it is offered in the turn in which it was read: whoever gets it later from a ring or a replay was away. */
  arrival: Arrival | undefined
  readonly #refused: ReadonlySet<number>
  /** Encoding drops the stored form. */
  #content:
    | { readonly kind: 'stored'; readonly batch: BatchReader }
    | { readonly kind: 'encoded'; readonly encoded: EncodedEvents }
  /** By what is hidden. Those alone keep one who wait for it: the ring has room for the stored bytes. */
  #shown: Map<string, WeakRef<EncodedEvents>> | undefined
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
    const encoded = encodeEvents(this.#at, this.#content.batch)
    this.#content = { kind: 'encoded', encoded }
    return encoded
  }

  /** The events as those see them from whom some fields are hidden. */
  shown(hidden: HiddenFields): EncodedEvents {
    const known = this.#shown?.get(hidden.text)?.deref()
    if (known !== undefined) return known
    const texts = this.header.keys.map((_, index) => Buffer.from(shownJson(this.#storedJson(index), hidden)))
    const sizes = texts.map(({ length }) => length)
    const starts: number[] = []
    sizes.reduce((start, size) => starts.push(start) && start + size, 0)
    const encoded = encodeEvents(this.#at, { sizes, starts, payload: Buffer.concat(texts) })
    this.#shown ??= new Map()
    this.#shown.set(hidden.text, new WeakRef(encoded))
    return encoded
  }

  /** What stands before the index of an event and its stored fields. */
  get #at(): string {
    return `{"at":"${this.partition}@${this.epoch}/${this.streamId}.`
  }

  #storedJson(index: number): string {
    const json = this.jsonOf(index)
    return this.#content.kind === 'stored' ? json : `{${json.slice(this.#at.length + `${index}",`.length)}`
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
