import type { DeliveredEvent, ErrorCode } from '@tidegate/protocol'
import { BusUnavailable, type Guard, type Redis } from '../bus/index.ts'
import type { Contract, TopicDefinition } from '../config/model.ts'
import { currentResults } from './current-results.ts'
import { type GapPage, type GapRange, MAX_GAP_EVENTS, readGap } from './gap-events.ts'
import { gapRange } from './gap-range.ts'
import { type HistoryPage, MAX_HISTORY, readHistory } from './history.ts'
import { optionalText, type Params, text } from './params.ts'
import { QueryError } from './query-error.ts'
import { describeTopics, type TopicDescription } from './topic-list.ts'

export type QueryAnswer =
  | { readonly type: 'result'; readonly data: unknown; readonly next?: string }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly message: string; readonly retryable: boolean }

/** The read side: topics, latest window results, history. Never touches a worker. */
export class Queries {
  readonly #redis: Redis
  readonly #guard: Guard
  readonly #partitions: number
  readonly #contract: Contract

  constructor(redis: Redis, guard: Guard, partitions: number, contract: Contract) {
    this.#redis = redis
    this.#guard = guard
    this.#partitions = partitions
    this.#contract = contract
  }

  topics(): { readonly partitions: number; readonly topics: readonly TopicDescription[] } {
    return { partitions: this.#partitions, topics: describeTopics(this.#contract) }
  }

  /** Latest pane per key. @throws QueryError, BusUnavailable */
  window(name: string, key: string | undefined): Promise<Omit<DeliveredEvent, 'at'>[]> {
    if (this.#contract.topics.get(name)?.kind !== 'window') throw new QueryError('not_found', `No window ${name}.`)
    return this.#guard.run(() => currentResults(this.#redis, this.#partitions, name, key))
  }

  /** @throws QueryError, BusUnavailable */
  history(topic: string, partition: number, after: string | undefined, limit: number): Promise<HistoryPage> {
    this.#topic(topic)
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.#partitions) {
      throw new QueryError('invalid_frame', `partition: expected 0 to ${this.#partitions - 1}`)
    }
    return this.#guard.run(() => readHistory(this.#redis, partition, topic, after, bounded(limit, MAX_HISTORY)))
  }

  /** @throws QueryError, BusUnavailable */
  gap(range: GapRange, limit: number): Promise<GapPage> {
    this.#topic(range.topic)
    if (range.upTo.partition >= this.#partitions) throw new QueryError('invalid_position')
    return this.#guard.run(() => readGap(this.#redis, range, bounded(limit, MAX_GAP_EVENTS)))
  }

  /** Runs a query by its name on the wire. Never rejects. */
  async run(name: string, params: Params): Promise<QueryAnswer> {
    try {
      switch (name) {
        case 'topics':
          return { type: 'result', data: this.topics() }
        case 'window':
          return { type: 'result', data: await this.window(text(params, 'name'), optionalText(params, 'key')) }
        case 'history': {
          const page = await this.#runHistory(params)
          return { type: 'result', data: page.events, ...(page.next !== undefined && { next: page.next }) }
        }
        case 'gap':
          return { type: 'result', data: await this.gap(gapRange(params), limitOf(params, MAX_GAP_EVENTS)) }
        default:
          throw new QueryError(
            'unknown_query',
            `No query ${name}: this version serves topics, window, history, gap and ledger.`,
          )
      }
    } catch (error) {
      return describeFailure(error)
    }
  }

  #runHistory(params: Params): Promise<HistoryPage> {
    const after = optionalText(params, 'after')
    const partition = after === undefined ? Number(params.partition ?? 0) : Number.parseInt(after, 10)
    return this.history(text(params, 'topic'), partition, after, limitOf(params, MAX_HISTORY))
  }

  #topic(name: string): TopicDefinition {
    const topic = this.#contract.topics.get(name)
    if (topic === undefined) throw new QueryError('unknown_topic', `No topic ${name}.`)
    return topic
  }
}

/** What a caller is told of a failed query, on the wire or over HTTP. */
export function describeFailure(error: unknown): Extract<QueryAnswer, { type: 'error' }> {
  if (error instanceof QueryError) return { type: 'error', code: error.code, message: error.message, retryable: false }
  if (error instanceof BusUnavailable) {
    return { type: 'error', code: 'unavailable', message: error.message, retryable: true }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { type: 'error', code: 'internal', message, retryable: false }
}

function limitOf({ limit }: Params, most: number): number {
  return Number(limit ?? most) || most
}

function bounded(limit: number, most: number): number {
  return Math.min(most, Math.max(1, Math.trunc(limit)))
}
