import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partialsTopic, partitionOf } from '../../src/bus/index.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { MAX_WRITES } from '../../src/fold/commit-room.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { mergersOf } from '../../src/fold/partition-windows.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { foreignLog } from '../../src/fold/progress.ts'
import { defineConfig } from '../../src/index.ts'
import { IDLE_AFTER_MS, type SourceReport } from '../../src/operators/index.ts'
import { allFour, batchOf, eventOf, FakeStore, panesIn, reading, writesOf } from '../support/fold.ts'

const PARTITIONS = 3
const WINDOW = 'a.all'
const PARTIALS = partialsTopic(WINDOW)

interface Options {
  readonly allowedLateness: '0ms' | '1h'
  readonly groupBy: null | 'k'
  readonly emit?: { readonly every: '1s' }
}

const pipelineWith = (options: Options) =>
  new Pipeline(
    defineConfig({
      topics: [
        reading,
        reading.window(WINDOW, {
          tumbling: '10s',
          outOfOrderness: '0ms',
          ...options,
          aggregate: allFour,
        }),
      ],
    }).contract,
  )

/** Partitions of one deployment, each with its own store, and the panes they emitted. */
class Deployment {
  readonly panes: Pane[] = []
  /** Writes. */
  largestCommit = 0
  readonly #pipeline: Pipeline
  readonly #stores = Array.from({ length: PARTITIONS }, () => new FakeStore())
  readonly #folds: PartitionFold[]
  readonly #mergers: readonly number[]

  constructor(options: Partial<Options> = {}) {
    this.#pipeline = pipelineWith({ allowedLateness: '1h', groupBy: null, ...options })
    this.#mergers = mergersOf(this.#pipeline.windows[0]!, PARTITIONS)
    this.#folds = this.#stores.map((_, partition) => this.#open(partition))
  }

  fold(partition: number, ...events: readonly ReturnType<typeof eventOf>[]): void {
    this.#folds[partition]!.fold(batchOf('a.reading', ...events))
  }

  /** Lets a partition find its input empty for `ms`. */
  idle(partition: number, ms: number): void {
    for (let now = 0; now <= ms; now += 1_000) this.#folds[partition]!.polledEmpty(now, new Set())
  }

  /** The wall clock, as a partition that finds its input busy looks at it, and a commit. */
  tick(partition: number, now: number): void {
    this.#folds[partition]!.polledEmpty(now, new Set(['a.reading']))
    this.commit(partition)
  }

  /** Commits a partition until nothing is left. */
  commit(partition: number): void {
    const fold = this.#folds[partition]!
    while (fold.isDirty) {
      const operations = this.#stores[partition]!.commit(fold)
      this.largestCommit = Math.max(this.largestCommit, writesOf(operations))
      this.panes.push(...panesIn(operations, WINDOW))
    }
  }

  restart(partition: number): void {
    this.#folds[partition] = this.#open(partition)
  }

  /** The merging partitions read what all have reported since they looked last, and commit. */
  merge(): void {
    for (const merger of this.#mergers) {
      const fold = this.#folds[merger]!
      for (const [source, store] of this.#stores.entries()) {
        const read = Number((fold.offsets.get(foreignLog(source, PARTIALS)) ?? '0-0').split('-')[0])
        const entries = (store.logs.get(PARTIALS) ?? []).filter(({ streamId }) => Number(streamId.split('-')[0]) > read)
        for (const entry of entries) {
          if (!fold.hasRoomForReport) this.commit(merger)
          fold.merged.apply(WINDOW, source, entry)
        }
      }
      this.commit(merger)
    }
  }

  /** Events the windows of a partition could make nothing of. */
  buried(partition: number): number {
    return this.#folds[partition]!.counters.deadLetters
  }

  reports(partition: number): SourceReport[] {
    return (this.#stores[partition]!.logs.get(PARTIALS) ?? []).map((entry) => JSON.parse(entry.payload.toString()))
  }

  #open(partition: number): PartitionFold {
    return new PartitionFold(this.#pipeline, partition, PARTITIONS, this.#stores[partition]!.load())
  }
}

describe('windows whose groups lie in several partitions', () => {
  it('W-MERGE-3 merge what the partitions have of a window into one pane of key *', () => {
    const all = new Deployment()
    for (const partition of [0, 1, 2]) {
      all.fold(partition, eventOf(1, `k-${partition}`, 1_000, partition), eventOf(2, `l-${partition}`, 2_000, 10))
      all.fold(partition, eventOf(3, 'k', 11_000))
      all.commit(partition)
    }
    all.merge()
    expect(all.panes).toEqual([
      {
        key: '*',
        start: 0,
        end: 10_000,
        value: { sum: 33, min: 0, max: 10, count: 6 },
        revision: 0,
        timing: 'on_time',
        final: false,
      },
    ])
  })

  it('W-MERGE-1 report when a window completes or is revised, when the watermark enters another, and when the owner is new', () => {
    const all = new Deployment()
    const step = (...times: readonly number[]) => {
      all.fold(0, ...times.map((time) => eventOf(time, 'k', time)))
      all.commit(0)
      return all.reports(0).length
    }
    expect(step(1_000)).toBe(1)
    expect(step(2_000)).toBe(1)
    expect(step(12_000)).toBe(2)
    expect(step(13_000)).toBe(2)
    expect(step(3_000)).toBe(3)
    expect(step(45_000)).toBe(4)
    expect(step(46_000)).toBe(4)
    all.restart(0)
    expect(step(47_000)).toBe(5)
    expect(all.reports(0).map(({ watermark, partials }) => [watermark, partials.map(({ start }) => start)])).toEqual([
      [1_000, []],
      [12_000, [0]],
      [13_000, [0]],
      [45_000, [10_000]],
      [47_000, []],
    ])
  })

  it('W-MERGE-1 say that they have no input, or have some again', () => {
    const all = new Deployment()
    all.commit(0)
    expect(all.reports(0)).toEqual([])
    all.idle(0, IDLE_AFTER_MS)
    all.commit(0)
    all.fold(0, eventOf(1, 'k', 1_000))
    all.commit(0)
    expect(all.reports(0)).toMatchObject([
      { watermark: null, idle: true, partials: [] },
      { watermark: 1_000, idle: false, partials: [] },
    ])
  })

  it('W-MERGE-2 report what they have before others close without them', () => {
    const all = new Deployment({ allowedLateness: '0ms' })
    for (const partition of [0, 1, 2]) all.fold(partition, eventOf(1, 'k', 1_000))
    all.idle(0, IDLE_AFTER_MS)
    all.idle(1, IDLE_AFTER_MS)
    all.fold(2, eventOf(2, 'k', 11_000))
    for (const partition of [0, 1, 2]) all.commit(partition)
    all.merge()
    expect(all.panes).toMatchObject([{ start: 0, value: { count: 3 }, final: true }])
  })

  it('W-MERGE-4 merge each group in the partition it belongs to', () => {
    const all = new Deployment({ groupBy: 'k' })
    const groups = ['a', 'b', 'c', 'd', 'e:f', '']
    expect(new Set(groups.map((group) => partitionOf(group, PARTITIONS))).size).toBe(PARTITIONS)
    for (const partition of [0, 1, 2]) {
      for (const group of groups) all.fold(partition, eventOf(1, group, 1_000, partition))
      all.fold(partition, eventOf(2, 'a', 11_000))
      all.commit(partition)
    }
    for (const partition of [0, 1, 2]) all.restart(partition)
    all.merge()
    const byKey = new Map(all.panes.map(({ key, value }) => [key, value]))
    expect(all.panes.length).toBe(groups.length)
    expect(byKey).toEqual(new Map(groups.map((group) => [group, { sum: 3, min: 0, max: 2, count: 3 }])))
  })

  it('W-MERGE-5 say how far they are only once everything up to there is reported', () => {
    const all = new Deployment({ groupBy: 'k', allowedLateness: '0ms' })
    const groups = Array.from({ length: 1_000 }, (_, i) => `group-${i}`)
    for (const partition of [0, 1, 2]) {
      all.fold(partition, ...groups.map((group) => eventOf(1, group, 1_000)))
      all.fold(partition, eventOf(2, 'end', 11_000))
      all.commit(partition)
    }
    expect(all.reports(0).map(({ watermark, partials }) => [watermark, partials.length])).toEqual([
      [null, 300],
      [null, 300],
      [null, 300],
      [11_000, 100],
    ])
    all.merge()
    expect(all.panes.map(({ value }) => value.count)).toEqual(groups.map(() => 3))
  })

  it('W-MERGE-8 put out early what the partitions have', () => {
    const all = new Deployment({ emit: { every: '1s' } })
    const tick = (now: number) => {
      for (const partition of [0, 1, 2]) all.tick(partition, now)
    }
    for (const partition of [0, 1, 2]) all.fold(partition, eventOf(1, 'k', 1_000))
    tick(1_000)
    all.merge()
    tick(2_000)
    all.merge()
    expect(all.panes).toMatchObject([{ start: 0, value: { count: 3 }, timing: 'early', revision: 0 }])
    tick(3_000)
    all.merge()
    expect(all.panes.length).toBe(1)
    for (const partition of [0, 1, 2]) all.fold(partition, eventOf(1, 'k', 12_000))
    for (const partition of [0, 1, 2]) all.commit(partition)
    all.merge()
    expect(all.panes[1]).toMatchObject({ start: 0, value: { count: 3 }, timing: 'on_time', revision: 1 })
  })

  it('W-MERGE-7 take in reports as far as a commit has room', () => {
    const all = new Deployment({ groupBy: 'k' })
    const groups = Array.from({ length: 6_000 }, (_, i) => `group-${i}`)
    for (const partition of [0, 1, 2]) {
      all.fold(partition, ...groups.map((group) => eventOf(1, group, 1_000)))
      all.fold(partition, eventOf(2, 'end', 11_000))
      all.commit(partition)
    }
    all.largestCommit = 0
    all.merge()
    expect(all.panes.length).toBe(groups.length)
    expect(all.largestCommit).toBeGreaterThan(MAX_WRITES / 2)
    expect(all.largestCommit).toBeLessThanOrEqual(MAX_WRITES)
  })

  it('W-MERGE-6 bury an event whose group would be another one in Redis', () => {
    const all = new Deployment({ groupBy: 'k' })
    const odd = { ...eventOf(1, 'k', 1_000), data: { k: '\ud800', v: 1 } }
    all.fold(0, odd, eventOf(2, '\ufffd', 1_000))
    expect(all.buried(0)).toBe(1)
  })

  it('W-MERGE-6 bury an event without the group', () => {
    const all = new Deployment({ groupBy: 'k' })
    const odd = { ...eventOf(1, 'k', 1_000), data: { v: 1 } }
    all.fold(0, odd, eventOf(2, 'k', 1_000))
    expect(all.buried(0)).toBe(1)
  })

  it('W-MERGE-1 W-FOLD-5 give the same results however commits, merges and ends of workers fall', () => {
    const act = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('event' as const),
          partition: fc.nat(2),
          time: fc.nat(50_000),
          v: fc.nat(640),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'restart' as const), partition: fc.nat(2) }),
      },
      { weight: 2, arbitrary: fc.constant({ kind: 'merge' as const }) },
    )
    fc.assert(
      fc.property(fc.array(act, { maxLength: 50 }), fc.constantFrom(null, 'k' as const), (acts, groupBy) => {
        const all = new Deployment({ groupBy })
        const expected = new Map<string, { count: number; sum: number }>()
        for (const step of acts) {
          if (step.kind === 'merge') all.merge()
          else if (step.kind === 'event') {
            const group = `g${step.v % 3}`
            all.fold(step.partition, eventOf(1, group, step.time, step.v / 64))
            all.commit(step.partition)
            const start = Math.floor(step.time / 10_000) * 10_000
            const pane = `${groupBy === null ? '*' : group} ${start}`
            const { count, sum } = expected.get(pane) ?? { count: 0, sum: 0 }
            expected.set(pane, { count: count + 1, sum: sum + step.v / 64 })
          } else if (step.kind === 'commit') all.commit(step.partition)
          else all.restart(step.partition)
        }
        for (const partition of [0, 1, 2]) {
          all.fold(partition, eventOf(1, 'k', 100_000))
          all.commit(partition)
        }
        all.merge()
        const last = new Map(
          all.panes.map(({ key, start, value: { count, sum } }) => [`${key} ${start}`, { count, sum }]),
        )
        expect(last).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })
})
