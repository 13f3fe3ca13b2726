import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { type HashPage, scanHash } from '../nodes/hash-scan.ts'
import { loadScript, type Script } from '../redis/script.ts'
import {
  ANSWERS_HASH,
  ANSWERS_PREVIOUS_HASH,
  BUILT_HASH,
  entityHash,
  indexMember,
  indexSet,
  trailList,
} from './entity-name.ts'

const LOAD_SCRIPT: Script = loadScript('load-entities', { isReading: true })
const READ_LIST_SCRIPT: Script = loadScript('read-list', { isReading: true })
const READ_LISTS_SCRIPT: Script = loadScript('read-lists', { isReading: true })
const FIND_ANSWERS_SCRIPT: Script = loadScript('find-answers', { isReading: true })

/** One call asks for so much at most, so that it holds Redis and the connection only for a moment. */
const MAX_KEYS = 1_000
const MAX_BYTES = 1_000_000

/** An entity as the last commit left it. */
export interface StoredEntity {
  /** `undefined` when there is none. */
  readonly record: string | undefined
  /** Items of its trail. */
  readonly length: number
}

/** Where the answer to a command lies in the log of answers. */
export interface AnswerPlace {
  readonly tag: string
  readonly streamId: string
  readonly index: number
}

export interface IndexedPage {
  readonly keys: readonly string[]
  /** `after` of the next page; absent at the end. */
  readonly next?: string
}

export interface EntityPage {
  readonly entities: readonly { readonly key: string; readonly record: string }[]
  /** Cursor of the next page; `SCAN_START` at the end. */
  readonly next: string
}

export interface AnsweredPage {
  readonly ids: readonly string[]
  /** Cursor of the next page; `SCAN_START` at the end. */
  readonly next: string
}

/**
 * What commits have stored of the entities of one partition. Every call reads only, and rejects with BusUnavailable
 * when Redis does not answer.
 */
export class Entities {
  readonly #partition: number
  readonly #channel: Channel

  constructor(partition: number, channel: Channel) {
    this.#partition = partition
    this.#channel = channel
  }

  /** Record and length of the trail of each of some entities, at one moment for each. */
  async load(name: string, wanted: readonly string[]): Promise<StoredEntity[]> {
    const entities: StoredEntity[] = []
    while (entities.length < wanted.length) {
      const part = wanted.slice(entities.length, entities.length + MAX_KEYS)
      const scriptKeys = [this.#key(entityHash(name)), ...part.map((key) => this.#key(trailList(name, key)))]
      const found = (await this.#channel.readScript(LOAD_SCRIPT, scriptKeys, [MAX_BYTES, ...part])) as LoadReply
      for (let i = 0; i < found.length; i += 2) {
        entities.push({ record: (found[i] as string | null) ?? undefined, length: found[i + 1] as number })
      }
    }
    return entities
  }

  /** How many entities of a name have a record. */
  count(name: string): Promise<number> {
    return this.#channel.read((redis) => redis.hlen(this.#key(entityHash(name))))
  }

  /** By what index entries and latest published states of a name are built, as JSON; `undefined` before the first commit. */
  async built(name: string): Promise<string | undefined> {
    return (await this.#channel.read((redis) => redis.hget(this.#key(BUILT_HASH), name))) ?? undefined
  }

  /** Items `[from, to)` of a trail, counted from 0; fewer where it ends before. */
  async trail(name: string, key: string, from: number, to: number): Promise<string[]> {
    const scriptKeys = [this.#key(trailList(name, key))]
    const items: string[] = []
    for (let next = from; next < to; next = from + items.length) {
      const last = Math.min(next + MAX_KEYS, to) - 1
      const page = (await this.#channel.readScript(READ_LIST_SCRIPT, scriptKeys, [next, last, MAX_BYTES])) as string[]
      if (page.length === 0) break
      for (const item of page) items.push(item)
    }
    return items
  }

  /** Whole trails of some entities: of the first ones, as far as one call holds them. */
  async trails(name: string, wanted: readonly string[]): Promise<string[][]> {
    const scriptKeys = wanted.map((key) => this.#key(trailList(name, key)))
    return (await this.#channel.readScript(READ_LISTS_SCRIPT, scriptKeys, [MAX_BYTES])) as string[][]
  }

  /** Where the answers to some commands lie; `undefined` of those without one that is remembered. */
  async answers(ids: readonly string[]): Promise<(AnswerPlace | undefined)[]> {
    const scriptKeys = [this.#key(ANSWERS_HASH), this.#key(ANSWERS_PREVIOUS_HASH)]
    const parts: Promise<unknown>[] = []
    for (let from = 0; from < ids.length; from += MAX_KEYS) {
      parts.push(this.#channel.readScript(FIND_ANSWERS_SCRIPT, scriptKeys, ids.slice(from, from + MAX_KEYS)))
    }
    const values = (await Promise.all(parts)).flat() as (string | null)[]
    return values.map((value) => (value === null ? undefined : decodePlace(value)))
  }

  /**
   * Some of the commands that have an answer. Over all pages, begun with `SCAN_START`, every one that is there throughout comes.
   *
   * @param isOlder those of the generation before @param count about how many
   */
  async answered(isOlder: boolean, cursor: string, count: number): Promise<AnsweredPage> {
    const hash = isOlder ? ANSWERS_PREVIOUS_HASH : ANSWERS_HASH
    const { fields, next } = await this.#scan(hash, cursor, count)
    return { ids: fields.map(([id]) => id), next }
  }

  /**
   * Keys of the entities that an index has under a value, in the order of their UTF-8 bytes.
   *
   * @param options.after key behind which to begin
   */
  async indexed(
    name: string,
    index: string,
    value: string,
    { after, count }: { readonly after?: string; readonly count: number },
  ): Promise<IndexedPage> {
    const from = after === undefined ? `[${indexMember(value, '')}` : `(${indexMember(value, after)}`
    const end = `(${value}\u0001`
    // One more shows whether there is a next page.
    const members = await this.#channel.read((redis) =>
      redis.zrangebylex(this.#key(indexSet(name, index)), from, end, 'LIMIT', 0, count + 1),
    )
    const found = members.slice(0, count).map((member) => member.slice(indexMember(value, '').length))
    return members.length <= count ? { keys: found } : { keys: found, next: found.at(-1)! }
  }

  /**
   * Some of the entities of a name. Over all pages, begun with `SCAN_START`, every entity that is there throughout comes
   * once, or more often as with `scanHash`.
   *
   * @param count about how many
   */
  async scan(name: string, cursor: string, count: number): Promise<EntityPage> {
    const { fields, next } = await this.#scan(entityHash(name), cursor, count)
    return { entities: fields.map(([key, record]) => ({ key, record })), next }
  }

  #scan(hash: string, cursor: string, count: number): Promise<HashPage> {
    return scanHash(this.#channel, this.#key(hash), cursor, { fields: count, bytes: MAX_BYTES })
  }

  #key(name: string): string {
    return keys.owned(this.#partition, name)
  }
}

/** Record and length of each. */
type LoadReply = readonly (string | null | number)[]

/** A place is `<tag> <streamId>.<index>`. */
function decodePlace(value: string): AnswerPlace {
  const space = value.indexOf(' ')
  const dot = value.indexOf('.', space)
  return { tag: value.slice(0, space), streamId: value.slice(space + 1, dot), index: Number(value.slice(dot + 1)) }
}
