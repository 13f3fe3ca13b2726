import type { Channel } from './channel.ts'
import { currentHash } from './hash-name.ts'
import { keys } from './keys.ts'

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
  /** Cursor of the next page; `0` at the end. */
  readonly next: string
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
   * A page of the latest results of a topic. Over all pages from cursor `0`, every key that exists throughout comes
   * once, or more often if many keys were removed meanwhile.
   *
   * @param count approximate
   */
  async scan(topic: string, cursor: string, count: number): Promise<CurrentPage> {
    const key = keys.owned(this.#partition, currentHash(topic))
    const [next, fields] = await this.#channel.read((redis) => redis.hscan(key, cursor, 'COUNT', count))
    const results: CurrentResult[] = []
    for (let i = 1; i < fields.length; i += 2) results.push(decode(fields[i - 1]!, fields[i]!))
    return { results, next }
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
