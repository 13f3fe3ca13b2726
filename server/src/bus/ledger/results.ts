import { currentHash } from '../hash-name.ts'
import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { loadScript, type Script } from '../redis/script.ts'

const SCAN_SCRIPT: Script = loadScript('scan-results')

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
   * A page of the latest results of a topic. Over all pages from cursor `0`, every key that exists throughout comes
   * once, or more often if many keys were removed meanwhile.
   *
   * @param count approximate
   */
  async scan(topic: string, cursor: string, count: number): Promise<CurrentPage> {
    const key = keys.owned(this.#partition, currentHash(topic))
    const [next, fields] = await this.#channel.read((redis) => redis.hscan(key, cursor, 'COUNT', count))
    return { results: pairs(fields), next }
  }

  /**
   * The same in one call, which stops once it has so many results, or results of so many bytes: a few more than that at most.
   * Of a hash from which many were removed it may find fewer.
   */
  async page(topic: string, cursor: string, { results: most, bytes }: PageBounds): Promise<CurrentPage> {
    const key = keys.owned(this.#partition, currentHash(topic))
    const reply = await this.#channel.readScript(SCAN_SCRIPT, [key], [cursor, most, bytes])
    const [next, ...fields] = reply as [string, ...string[]]
    return { results: pairs(fields), next }
  }

  /** The latest results of these keys; keys without one are left out. */
  async of(topic: string, wanted: readonly string[]): Promise<CurrentResult[]> {
    if (wanted.length === 0) return []
    const key = keys.owned(this.#partition, currentHash(topic))
    const values = await this.#channel.read((redis) => redis.hmget(key, ...wanted))
    return values.flatMap((value, i) => (value === null ? [] : [decode(wanted[i]!, value)]))
  }
}

function pairs(fields: readonly string[]): CurrentResult[] {
  const results: CurrentResult[] = []
  for (let i = 1; i < fields.length; i += 2) results.push(decode(fields[i - 1]!, fields[i]!))
  return results
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
