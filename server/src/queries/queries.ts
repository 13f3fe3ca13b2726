import { allowsKey, hiddenOfTopic, type Rights, type Seen } from '../access/index.ts'
import { type Bus, lastIdBefore, partitionOf } from '../bus/index.ts'
import { systemClock } from '../clock.ts'
import { topicAppendedBeforeMs } from '../config/contract/append-lead.ts'
import type { Contract } from '../config/contract/model.ts'
import { placedBy } from '../config/contract/placed-by.ts'
import { ONLY_READER, PacedReads, PacedWork, type Reader, type Worker } from '../limits/index.ts'
import { LoopTurn } from '../loop-turn.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { quoted } from '../quoted.ts'
import { MAX_ANSWER_EVENTS } from './answer-size.ts'
import { parsePlace, parseResult, type ResultPage, type ScanResults, scanPage } from './current-results.ts'
import { EntityQueries, type EntityReaders, entityReaders, type InTurn } from './entity-queries.ts'
import { type GapPage, type ReadPage, readGap } from './gap-events.ts'
import { gapRange } from './gap-range.ts'
import { type HistoryPage, type HistoryRange, readHistory } from './history.ts'
import { optionalPosition } from './log-position.ts'
import { limitOf, optionalNumber, optionalText, optionalTime, type Params, text } from './params.ts'
import { QueryError } from './query-error.ts'
import { describeTopics, type TopicDescription } from './topic-list.ts'

/** Concurrent queries: their reads share one connection, so that more would only make each of them late. */
const CONCURRENT = 8
/** And queued ones: beyond, a client does better to retry. */
const MAX_WAITING = 256
/** Of one caller or address: it may have no more that are unanswered, but may have left others behind. */
const MAX_WAITING_OF_ONE = 64
/** Of one, however many others wait: a crowd keeps nobody out. */
const LEAST_WAITING_OF_ONE = 4
/** Nor for longer: by then another gateway does better, or the caller has given up. */
const MAX_WAIT_MS = 2_000

const OVERLOADED = new QueryError('overloaded')

/** The read side: topics, latest window results, history, entities. Never touches a worker. */
export class Queries {
  readonly #bus: Bus
  readonly #contract: Contract
  readonly #readers: EntityReaders
  readonly #turns = new PacedReads(CONCURRENT)
  readonly #work: PacedWork

  /** @param loopTurn shared with what else is done for clients */
  constructor(bus: Bus, contract: Contract, report: ReportDefect, loopTurn = new LoopTurn(systemClock)) {
    this.#work = new PacedWork(systemClock, loopTurn)
    this.#bus = bus
    this.#contract = contract
    this.#readers = entityReaders(bus, contract, report)
  }

  /** The queries of a caller with these rights. @param reader pays for what is read */
  of(rights: Rights, reader: Reader = ONLY_READER): CallerQueries {
    const inTurn: InTurn = (query) => this.#inTurn(reader, query)
    return new CallerQueries(this.#bus, this.#contract, rights, reader, this.#readers, inTurn, this.#work)
  }

  /**
   * Writes an answer in the turn of whoever asked, who pays for it: to write one takes as long as to read it, and several may be found
   * at once. It does not wait for a share: what is found takes more memory than what is written.
   *
   * @param write MUST NOT throw
   */
  inTurn<Written>(worker: Pick<Worker, 'purse' | 'working'>, write: () => Written): Promise<Written> {
    return this.#work.inTurn(worker.purse, () => worker.working(write))
  }

  async #inTurn<T>(reader: Reader, query: () => Promise<T>): Promise<T> {
    const waiting = this.#turns.waitingOf(reader.purse)
    const most = this.#turns.waiting < MAX_WAITING ? MAX_WAITING_OF_ONE : LEAST_WAITING_OF_ONE
    if (waiting >= most) throw OVERLOADED
    // A caller that has read too much waits for itself.
    const waitsForOthers = reader.readWaitMs() === 0
    const askedAt = performance.now()
    const answer = await this.#turns.run(reader, async () => {
      if (waitsForOthers && performance.now() - askedAt > MAX_WAIT_MS) throw OVERLOADED
      return { found: await query() }
    })
    // The caller has left, and hears nothing of it.
    if (answer === undefined) throw OVERLOADED
    return answer.found
  }
}

/** The queries of one caller. Parameters and rights are checked before Redis is asked. */
export class CallerQueries {
  readonly entities: EntityQueries
  readonly #bus: Bus
  readonly #contract: Contract
  readonly #rights: Rights
  readonly #reader: Reader
  readonly #inTurn: InTurn
  readonly #work: PacedWork

  constructor(
    bus: Bus,
    contract: Contract,
    rights: Rights,
    reader: Reader,
    readers: EntityReaders,
    inTurn: InTurn,
    work: PacedWork,
  ) {
    this.#work = work
    this.#bus = bus
    this.#contract = contract
    this.#rights = rights
    this.#reader = reader
    this.#inTurn = inTurn
    this.entities = new EntityQueries(bus, contract, rights, reader, readers, inTurn)
  }

  topics(): { readonly partitions: number; readonly topics: readonly TopicDescription[] } {
    return { partitions: this.#bus.partitions, topics: describeTopics(this.#contract, this.#rights) }
  }

  /** Latest pane of one key, or of all keys, page by page. @throws QueryError, BusUnavailable */
  async window(params: Params): Promise<ResultPage> {
    const name = text(params, 'name')
    const key = optionalText(params, 'key')
    const seen = this.#seen('query', name)
    const { scope, sight } = seen
    if (this.#contract.topics.get(name)?.kind !== 'window' || scope.kind === 'none') {
      throw new QueryError('not_found', `No window ${quoted(name)}.`)
    }
    const from = parsePlace(optionalText(params, 'after') ?? '0.0', this.#bus.partitions)
    if (key === undefined) {
      const scan: ScanResults = async ({ partition, cursor }, left, take) => {
        const page = await this.#bus.results(partition, 'query').page(name, cursor, left)
        this.#reader.chargeRead(
          page.results.reduce((sum, { json }) => sum + json.length, 0),
          true,
        )
        return this.#work.inTurn(this.#reader.purse, () => take(page))
      }
      return this.#inTurn(() => scanPage(scan, this.#bus.partitions, seen, from))
    }
    if (!allowsKey(scope, key)) return { results: [] }
    const results = this.#bus.results(this.#partitionOf(name, key), 'query')
    this.#reader.chargeRead(0, true)
    const found = await this.#inTurn(() => results.of(name, [key]))
    return { results: found.map((result) => parseResult(result, sight)) }
  }

  /** Events of one partition: that of `key`, of `after`, or `partition`. @throws QueryError, BusUnavailable */
  async history(params: Params): Promise<HistoryPage> {
    const { topic, ...seen } = this.#topic(params, 'query')
    const after = optionalPosition(params, 'after', this.#bus.partitions)
    const key = optionalText(params, 'key')
    const ofKey = key === undefined ? undefined : this.#partitionOf(topic, key)
    const partition = optionalNumber(params, 'partition', 0) ?? after?.partition ?? ofKey ?? 0
    const [from, to] = [optionalTime(params, 'from'), optionalTime(params, 'to')]
    if (from !== undefined && to !== undefined && from >= to)
      throw new QueryError('invalid_frame', 'to: expected a time behind `from`')
    if (partition >= this.#bus.partitions) {
      throw new QueryError('invalid_frame', `partition: expected 0 to ${this.#bus.partitions - 1}`)
    }
    if (after !== undefined && after.partition !== partition) {
      throw new QueryError('invalid_position', `after: not a position of partition ${partition}`)
    }
    if (ofKey !== undefined && partition !== ofKey) return { events: [], complete: true }
    const range: HistoryRange = {
      ...{ topic, partition, after, key, ...seen },
      since: from === undefined ? undefined : lastIdBefore(from - topicAppendedBeforeMs(topic, this.#contract.topics)),
      from: from ?? Number.NEGATIVE_INFINITY,
      to: to ?? Number.POSITIVE_INFINITY,
      limit: limitOf(params, MAX_ANSWER_EVENTS),
    }
    return this.#inTurn(() => readHistory(this.#pages(topic, partition), range))
  }

  /** @throws QueryError, BusUnavailable */
  async gap(params: Params): Promise<GapPage> {
    const { topic, ...seen } = this.#topic(params, 'subscribe')
    const range = gapRange({ ...params, topic }, this.#bus.partitions, seen)
    const limit = limitOf(params, MAX_ANSWER_EVENTS)
    return this.#inTurn(() => readGap(this.#pages(range.topic, range.upTo.partition), range, limit))
  }

  #partitionOf(topic: string, key: string): number {
    return partitionOf(placedBy(this.#contract.topics, topic, key), this.#bus.partitions)
  }

  /** Pages of a log, paid for. */
  #pages(topic: string, partition: number): ReadPage {
    const log = this.#bus.log(partition, 'query')
    return async (from, count, take) => {
      const page = await log.page(topic, from, count)
      this.#reader.chargeRead(
        page.entries.reduce((sum, { payload }) => sum + payload.length, 0),
        true,
      )
      return this.#work.inTurn(this.#reader.purse, () => take(page))
    }
  }

  #topic(params: Params, operation: 'query' | 'subscribe'): Seen & { readonly topic: string } {
    const topic = text(params, 'topic')
    const seen = this.#seen(operation, topic)
    if (this.#contract.topics.has(topic) && seen.scope.kind !== 'none') return { topic, ...seen }
    throw new QueryError('unknown_topic', `No topic ${quoted(topic)}.`)
  }

  #seen(operation: 'query' | 'subscribe', topic: string): Seen {
    const scope = this.#rights.keys(operation, topic)
    return { scope, sight: this.#rights.sight(operation, topic, hiddenOfTopic(this.#contract, topic)) }
  }
}
