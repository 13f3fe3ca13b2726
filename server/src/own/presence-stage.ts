import { randomBytes } from 'node:crypto'
import { BusUnavailable, type CommitOperation, currentHash, encodeEvent, SCAN_START } from '../bus/index.ts'
import { type Contract, presenceTopics } from '../config/contract/model.ts'
import { OutputBuffer } from '../fold/index.ts'
import { type PresenceChange, PresenceFold, type PublishedPresence, readPublished } from '../presence/index.ts'
import type { PartitionStore } from './partition-store.ts'

/** A look at the reports of gateways is one short call. */
const LOOK_EVERY_MS = 200
/**
 * At the start, and after Redis was away or hung, nobody leaves for so long: gateways that could not report either have done
 * so by then.
 */
const DOUBT_MS = 1_000
/** An answer that takes longer shows that Redis hung: the reports of gateways may be behind it. */
const SLOW_LOOK_MS = 500
/** Events of one commit, beside what is folded. */
const MAX_CHANGES = 500
/** Latest results of one read. */
const PAGE = { results: 1_000, bytes: 1_000_000 }

export type StageStore = Pick<PartitionStore, 'presence' | 'results'>

/** What a partition's owner publishes of who is there. */
export class PresenceStage {
  readonly #store: StageStore
  readonly #now: () => number
  readonly #fold: PresenceFold
  #changes: readonly PresenceChange[] = []
  /** All by the monotonic clock. */
  #lookedAt = Number.NEGATIVE_INFINITY
  /** `undefined` until it is answered after a look that was not. */
  #sureFrom: number | undefined
  /** Events of the stages of one topic MUST NOT share an id. */
  readonly #idPrefix = randomBytes(6).toString('base64url')
  #published = 0

  private constructor(store: StageStore, now: () => number, fold: PresenceFold) {
    this.#store = store
    this.#now = now
    this.#fold = fold
  }

  /**
   * Continues what is published. @returns `undefined` where no topic has presence
   *
   * @throws BusUnavailable
   */
  static async open(store: StageStore, contract: Contract, now: () => number): Promise<PresenceStage | undefined> {
    const topics = presenceTopics(contract)
    if (topics.length === 0) return undefined
    const published = await Promise.all(topics.map(async ({ name }) => [name, await publishedOf(store, name)] as const))
    return new PresenceStage(store, now, new PresenceFold(new Map(published)))
  }

  /** Whether the next commit publishes something. */
  get isDirty(): boolean {
    return this.#changes.length > 0
  }

  /** How long until the next look. */
  get waitMs(): number {
    return this.#lookedAt + LOOK_EVERY_MS - performance.now()
  }

  /** Looks at what gateways report, once what it found before is committed. What Redis does not answer is asked again. */
  async lookWhenDue(): Promise<void> {
    if (this.isDirty || this.waitMs > 0) return
    const askedAt = performance.now()
    this.#lookedAt = askedAt
    try {
      const seen = await this.#store.presence.look(this.#fold.known)
      const now = performance.now()
      if (this.#sureFrom === undefined || now - askedAt > SLOW_LOOK_MS) this.#sureFrom = now + DOUBT_MS
      this.#fold.look(seen)
      this.#changes = this.#fold.takeChanges(this.#now(), now >= this.#sureFrom, MAX_CHANGES)
      if (this.#changes.length === MAX_CHANGES || !this.#fold.isWhole) this.#lookedAt = Number.NEGATIVE_INFINITY
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      this.#sureFrom = undefined
    }
  }

  /** Subjects that are published, by presence topic. */
  subjects(): ReadonlyMap<string, number> {
    return this.#fold.subjects()
  }

  takeOperations(): CommitOperation[] {
    const outputs = new OutputBuffer()
    const left = new Map<string, string[]>()
    for (const { topic, key, time, data, hasLeft } of this.#changes) {
      const json = encodeEvent(`${this.#idPrefix}${(this.#published++).toString(36)}`, key, time, undefined, data)
      outputs.add(topic, { key, lane: 'normal', time, json }, { isLatest: !hasLeft })
      if (!hasLeft) continue
      const keys = left.get(topic)
      if (keys === undefined) left.set(topic, [key])
      else keys.push(key)
    }
    this.#changes = []
    const gone = [...left].map(([topic, fields]) => ({ op: 'delete', hash: currentHash(topic), fields }) as const)
    return [...outputs.take(), ...gone]
  }
}

async function publishedOf({ results }: StageStore, topic: string): Promise<Map<string, PublishedPresence>> {
  const published = new Map<string, PublishedPresence>()
  let cursor = SCAN_START
  do {
    const page = await results.page(topic, cursor, PAGE)
    for (const { key, json } of page.results) {
      const presence = readPublished(json)
      if (presence !== undefined) published.set(key, presence)
    }
    cursor = page.next
  } while (cursor !== SCAN_START)
  return published
}
