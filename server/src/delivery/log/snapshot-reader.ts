import { setTimeout as sleep } from 'node:timers/promises'
import { type Bus, BusUnavailable, type CurrentPage, partitionOf, SCAN_START } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'
import type { Contract } from '../../config/contract/model.ts'
import { placedBy } from '../../config/contract/placed-by.ts'
import { PacedReads, PacedWork, type Reader } from '../../limits/index.ts'
import type { LoopTurn } from '../../loop-turn.ts'

/** Concurrent reads of this node: more would only make Redis stall for longer. */
const CONCURRENT_READS = 8
/** Approximate results of a page, and their bytes: what a session holds while it cannot write. */
const PAGE_RESULTS = 32
const PAGE = { results: PAGE_RESULTS, bytes: 512 * 1_024 }

/** Which results to read, page by page. */
export interface SnapshotRequest {
  readonly reader: Reader
  readonly topic: string
  readonly partition: number
  /** Only results of these keys; `undefined`: all. */
  readonly keys: ReadonlySet<string> | undefined
  /** `SCAN_START` for the first page. */
  readonly cursor: string
}

/** Reads snapshots for all sessions of a node, in turns. */
export class SnapshotReader {
  readonly #bus: Bus
  readonly #topics: Contract['topics']
  readonly #work: PacedWork
  readonly #turns = new PacedReads(CONCURRENT_READS)
  #closed = false

  /** @param loopTurn shared with what else is done for clients */
  constructor(bus: Bus, topics: Contract['topics'], clock: Clock, loopTurn: LoopTurn) {
    // Several pages may come at once.
    this.#work = new PacedWork(clock, loopTurn)
    this.#bus = bus
    this.#topics = topics
  }

  /**
   * Calls back once, or never after `close`. Reads are repeated while Redis is away.
   *
   * @param fail gets the error of a read, or of `onPage`. MUST NOT throw.
   */
  read(request: SnapshotRequest, onPage: (page: CurrentPage) => void, fail: (error: unknown) => void): void {
    void this.#turns
      .run(request.reader, () => this.#untilRead(request))
      .then((page) => page && this.#work.inTurn(request.reader.purse, () => onPage(page)))
      .catch(fail)
  }

  close(): void {
    this.#closed = true
    this.#work.close()
  }

  async #untilRead(request: SnapshotRequest): Promise<CurrentPage | undefined> {
    while (!this.#closed) {
      try {
        const page = await this.#read(request)
        request.reader.chargeRead(
          page.results.reduce((sum, { json }) => sum + json.length, 0),
          true,
        )
        return page
      } catch (error) {
        if (!(error instanceof BusUnavailable)) throw error
        await sleep(error.retryAfterMs)
      }
    }
    return undefined
  }

  async #read({ topic, partition, keys, cursor }: SnapshotRequest): Promise<CurrentPage> {
    const latest = this.#bus.results(partition, 'replay')
    if (keys === undefined) return latest.page(topic, cursor, PAGE)
    const first = Number(cursor)
    const placeOf = (key: string) => partitionOf(placedBy(this.#topics, topic, key), this.#bus.partitions)
    const wanted = [...keys].filter((key) => placeOf(key) === partition)
    const results = await latest.of(topic, wanted.slice(first, first + PAGE_RESULTS))
    return { results, next: first + PAGE_RESULTS < wanted.length ? `${first + PAGE_RESULTS}` : SCAN_START }
  }
}
