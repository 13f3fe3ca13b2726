import { currentHash } from '../hash-name.ts'
import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { scanHash } from '../nodes/hash-scan.ts'

/** The latest result of one key, as the commit that made it stored it. */
export interface CurrentResult {
  readonly key: string
  /** Its place in the log of its topic. */
  readonly streamId: string
  readonly index: number
  /** JSON of the event. */
  readonly json: string
}

export interface CurrentPage {
  readonly results: readonly CurrentResult[]
  /** Cursor of the next page; `SCAN_START` at the end. */
  readonly next: string
}

/** After which a page ends. */
export interface PageBounds {
  readonly results: number
  readonly bytes: number
}

/** The latest results of one partition. Every call rejects with BusUnavailable when Redis does not answer. */
export class Results {
  readonly #partition: number
  readonly #channel: Channel

  constructor(partition: number, channel: Channel) {
    this.#partition = partition
    this.#channel = channel
  }

  /**
   * Some of the latest results of a topic, in one call, which ends as `scanHash` does. Over all pages, begun with
   * `SCAN_START`, every key that exists throughout comes once, or more often as there.
   */
  async page(topic: string, cursor: string, { results, bytes }: PageBounds): Promise<CurrentPage> {
    const key = keys.owned(this.#partition, currentHash(topic))
    const { fields, next } = await scanHash(this.#channel, key, cursor, { fields: results, bytes })
    return { results: fields.map(([of, value]) => decode(of, value)), next }
  }

  /** The latest results of these keys; keys without one are left out. */
  async of(topic: string, wanted: readonly string[]): Promise<CurrentResult[]> {
    if (wanted.length === 0) return []
    const key = keys.owned(this.#partition, currentHash(topic))
    const values = await this.#channel.read((redis) => redis.hmget(key, ...wanted))
    return values.flatMap((value, i) => (value === null ? [] : [decode(wanted[i]!, value)]))
  }
}

/** A stored result is `<streamId>.<index> <event JSON>`. */
function decode(key: string, value: string): CurrentResult {
  const space = value.indexOf(' ')
  const dot = value.indexOf('.')
  return {
    key,
    streamId: value.slice(0, dot),
    index: Number(value.slice(dot + 1, space)),
    json: value.slice(space + 1),
  }
}
