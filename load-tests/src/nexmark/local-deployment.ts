import { type EventBody, partialsTopic } from '../../../server/src/bus/index.ts'
import type { Contract } from '../../../server/src/config/contract/model.ts'
import { PartitionFold } from '../../../server/src/fold/partition-fold.ts'
import { Pipeline } from '../../../server/src/fold/pipeline.ts'
import { appended, batchOf, FakeStore } from '../../../server/test/support/fold.ts'
import { createRandom } from '../support/random.ts'

/** Ms of the clock between two batches. */
const BATCH_MS = 50
/** Once in this many batches. */
const COMMIT_EVERY = 8
const RESTART_EVERY = 150
const MERGE_EVERY = 40

/**
 * The partitions of a deployment in this process, without Redis: the fold of the worker with its commits, reports of
 * one partition to another, and owners that lose their memory, all at seeded moments.
 */
export class LocalDeployment {
  readonly #pipeline: Pipeline
  readonly #stores: readonly FakeStore[]
  readonly #folds: PartitionFold[]
  readonly #random: () => number
  readonly #result: string
  readonly #onResult: (event: EventBody) => void
  /** Merging partition, source and window -> reports read. */
  readonly #reportsRead = new Map<string, number>()
  #now = 0

  constructor(
    contract: Contract,
    options: { partitions: number; seed: number; result: string; onResult: (event: EventBody) => void },
  ) {
    this.#pipeline = new Pipeline(contract)
    this.#stores = Array.from({ length: options.partitions }, () => new FakeStore())
    this.#folds = this.#stores.map((_, partition) => this.#open(partition))
    this.#random = createRandom(options.seed)
    this.#result = options.result
    this.#onResult = options.onResult
  }

  fold(partition: number, topic: string, events: readonly EventBody[]): void {
    this.#now += BATCH_MS
    this.#folds[partition]!.polledEmpty(this.#now, new Set([topic]))
    const batch = batchOf(topic, ...events)
    while (!this.#folds[partition]!.hasRoomFor(batch)) this.#commit(partition)
    this.#folds[partition]!.fold(batch)
    if (this.#once(COMMIT_EVERY)) this.#commit(partition)
    if (this.#once(MERGE_EVERY)) this.#merge()
    if (this.#once(RESTART_EVERY)) this.#restart(partition)
  }

  /** Commits and merges until nothing is left to do. */
  finish(): void {
    do for (const [partition, fold] of this.#folds.entries()) while (fold.isDirty) this.#commit(partition)
    while (this.#merge() > 0)
  }

  #once(every: number): boolean {
    return this.#random() * every < 1
  }

  #commit(partition: number): void {
    const operations = this.#stores[partition]!.commit(this.#folds[partition]!)
    for (const event of appended(operations, this.#result)) this.#onResult(event)
  }

  /** Returns how many reports were read. */
  #merge(): number {
    let read = 0
    for (const [merger, fold] of this.#folds.entries()) {
      for (const window of fold.merged.names) {
        for (const [source, store] of this.#stores.entries()) {
          const name = `${merger} ${source} ${window}`
          const from = this.#reportsRead.get(name) ?? 0
          const reports = (store.logs.get(partialsTopic(window)) ?? []).slice(from)
          for (const entry of reports) {
            while (!fold.hasRoomForReport) this.#commit(merger)
            fold.merged.apply(window, source, entry)
          }
          this.#reportsRead.set(name, from + reports.length)
          read += reports.length
        }
      }
    }
    return read
  }

  #restart(partition: number): void {
    this.#commit(partition)
    this.#folds[partition] = this.#open(partition)
  }

  #open(partition: number): PartitionFold {
    return new PartitionFold(this.#pipeline, partition, this.#stores.length, this.#stores[partition]!.load())
  }
}
