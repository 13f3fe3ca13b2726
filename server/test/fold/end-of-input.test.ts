import { describe, expect, it } from 'vitest'
import { BatchReader, partialsTopic, RecordBatchBuilder, type StoredEvent } from '../../src/bus/index.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { MAX_SOURCES } from '../../src/fold/open-sources.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { foreignLog } from '../../src/fold/progress.ts'
import { defineConfig, windowOf } from '../../src/index.ts'
import { allFour, appended, batchOf, endOf, eventOf, FakeStore, other, panesIn, reading } from '../support/fold.ts'

const DAY = 86_400_000
const TOPIC = 'a.reading'
/** The wall clock: years behind the events. */
const NOW = 1_900_000_000_000

const shape = { outOfOrderness: '1m', allowedLateness: '0s', aggregate: { sum: { sum: 'v' } } } as const
const daily = reading.window('a.day', { ...shape, tumbling: '24h' })

const from = (source: string | undefined, time: number, v = 1) => ({
  ...eventOf(`${source}-${time}`, 'k', time, v),
  ...(source !== undefined && { source }),
})

/** One partition of some, with a store of its own and a clock. */
class Partition {
  readonly panes: Pane[] = []
  readonly late: string[] = []
  readonly store = new FakeStore()
  fold: PartitionFold
  #now = NOW
  readonly #pipeline: Pipeline
  readonly #place: readonly [partition: number, partitions: number]

  constructor(topics: Parameters<typeof defineConfig>[0]['topics'], partition = 0, partitions = 1) {
    this.#pipeline = new Pipeline(defineConfig({ topics: [reading, other, ...topics] }).contract)
    this.#place = [partition, partitions]
    this.fold = this.#open()
  }

  read(...batches: readonly Parameters<PartitionFold['fold']>[0][]): void {
    for (const batch of batches) {
      this.fold.fold(batch)
      this.commit()
    }
  }

  /** Lets the logs be empty for a while. */
  quiet(ms = 3_000): void {
    for (let passed = 0; passed <= ms; passed += 1_000) {
      this.#now += 1_000
      this.fold.readToEnd(this.#now, new Set())
      this.fold.polledEmpty(this.#now, new Set())
      this.commit()
    }
  }

  /** A new owner. */
  restart(): void {
    this.fold = this.#open()
  }

  commit(): void {
    while (this.fold.isDirty) {
      const operations = this.store.commit(this.fold)
      for (const { name } of this.#pipeline.windows) {
        this.panes.push(...panesIn(operations, name))
        this.late.push(...appended(operations, `${name}.late`).map(({ id }) => id))
      }
    }
  }

  get shown(): readonly string[] {
    return this.panes.map(({ start, end, value, timing }) => `${start}-${end} ${JSON.stringify(value)} ${timing}`)
  }

  #open(): PartitionFold {
    return new PartitionFold(this.#pipeline, ...this.#place, this.store.load())
  }
}

const dayPane = (day: number, sum: number) => `${day * DAY}-${(day + 1) * DAY} {"sum":${sum}} on_time`

describe('the end of input', () => {
  it('W-END-1 closes the last windows of what was read, which stay open without it', () => {
    const partition = new Partition([daily])
    partition.read(batchOf(TOPIC, from(undefined, 1_000), from(undefined, DAY + 5)))
    partition.quiet(10_000)
    expect(partition.shown).toEqual([dayPane(0, 1)])
    partition.read(endOf(TOPIC))
    expect(partition.shown).toEqual([dayPane(0, 1), dayPane(1, 1)])
  })

  it('W-END-1 waits until nothing has come for two seconds', () => {
    const partition = new Partition([daily])
    partition.read(endOf(TOPIC, undefined, from(undefined, 1_000)))
    partition.quiet(1_000)
    expect(partition.shown).toEqual([])
    partition.quiet(1_000)
    expect(partition.shown).toEqual([dayPane(0, 1)])
  })

  it.each([
    ['hopping', reading.window('a.hop', { ...shape, hopping: { size: '2s', slide: '1s' } }), 2],
    ['session', reading.window('a.session', { ...shape, session: { gap: '1h' } }), 1],
    ['tumbling with a clock per key', reading.window('a.key', { ...shape, tumbling: '24h', watermark: 'key' }), 1],
    [
      'tumbling with a clock per source',
      reading.window('a.src', { ...shape, tumbling: '24h', watermark: 'source' }),
      1,
    ],
  ])('W-END-1 closes %s windows', (_, window, count) => {
    const partition = new Partition([window])
    partition.read(endOf(TOPIC, undefined, from('s', 5_500)))
    partition.quiet()
    expect(partition.panes.map(({ timing }) => timing)).toEqual(Array.from({ length: count }, () => 'on_time'))
  })

  it('W-END-1 closes windows over windows, and over several topics once each that had events has ended', () => {
    const hourly = reading.window('a.hour', { ...shape, tumbling: '1h' })
    const ofDay = hourly.window('a.of_day', { ...shape, tumbling: '24h', aggregate: { hours: 'count' } })
    const both = windowOf([reading, other], 'a.both', { ...shape, tumbling: '24h' })
    const partition = new Partition([hourly, ofDay, both])
    partition.read(batchOf(TOPIC, from(undefined, 1_000)), batchOf('a.other', from(undefined, 2_000)), endOf(TOPIC))
    partition.quiet()
    expect(partition.shown).toEqual([`0-3600000 {"sum":1} on_time`, `0-${DAY} {"hours":1} on_time`])
    partition.read(endOf('a.other'))
    partition.quiet()
    expect(partition.shown.at(-1)).toBe(dayPane(0, 2))
  })

  it('W-END-2 waits for every source with events behind its last end, wherever a batch or an owner ends', () => {
    const partition = new Partition([daily])
    partition.read(batchOf(TOPIC, from('a', 1_000), from('b', 2_000), from(undefined, 3_000)), endOf(TOPIC, 'a'))
    partition.quiet()
    partition.restart()
    partition.read(endOf(TOPIC, 'b', from('a', 4_000)))
    partition.read(endOf(TOPIC, 'a'))
    partition.quiet()
    expect(partition.panes).toEqual([])
    partition.restart()
    partition.read(endOf(TOPIC, ''))
    partition.restart()
    partition.quiet()
    expect(partition.shown).toEqual([dayPane(0, 4)])
  })

  it('W-END-2 the end of a topic ends all of its sources, however many; beyond 1,000 nothing else does', () => {
    const partition = new Partition([daily])
    const sources = Array.from({ length: MAX_SOURCES + 1 }, (_, n) => `s-${n}`)
    partition.read(batchOf(TOPIC, ...sources.map((source) => from(source, 1_000))))
    const fields = partition.store.size
    expect(fields).toBeLessThan(20)
    for (const source of sources) partition.read(endOf(TOPIC, source))
    partition.quiet()
    expect(partition.panes).toEqual([])
    partition.restart()
    partition.read(endOf(TOPIC))
    partition.quiet()
    expect(partition.shown).toEqual([dayPane(0, MAX_SOURCES + 1)])
  })

  it('W-END-3 what comes afterwards opens the input again: in later windows it is on time', () => {
    const partition = new Partition([daily])
    partition.read(endOf(TOPIC, undefined, from('a', 1_000)))
    partition.quiet()
    partition.read(batchOf(TOPIC, from('a', DAY + 1), from('a', 2_000)))
    partition.quiet()
    expect([partition.shown, partition.late]).toEqual([[dayPane(0, 1)], ['a-2000']])
    partition.read(endOf(TOPIC))
    partition.quiet()
    expect(partition.shown).toEqual([dayPane(0, 1), dayPane(1, 1)])
  })

  it('W-END-4 never makes an event late that has the time of the clock', () => {
    const partition = new Partition([daily])
    partition.read(endOf(TOPIC, undefined, from(undefined, NOW)))
    partition.quiet()
    expect(partition.panes).toEqual([])
    partition.read(batchOf(TOPIC, from(undefined, NOW + 2_000), from(undefined, NOW - 50_000)))
    expect(partition.late).toEqual([])
  })

  it('W-END-5 a source that has ended holds no window back whose clocks are per source', () => {
    const window = reading.window('a.fleet', { ...shape, tumbling: '10s', outOfOrderness: '0s', watermark: 'source' })
    const partition = new Partition([window])
    partition.read(batchOf(TOPIC, from('slow', 1_000), from('fast', 25_000)))
    expect(partition.panes).toEqual([])
    partition.read(endOf(TOPIC, 'slow'))
    expect(partition.shown).toEqual(['0-10000 {"sum":1} on_time'])
    partition.read(endOf(TOPIC, 'fast'))
    partition.quiet()
    expect(partition.shown).toEqual(['0-10000 {"sum":1} on_time', '20000-30000 {"sum":1} on_time'])
  })

  it('W-END-6 closes a window over all keys once input has ended in every partition', () => {
    const all = reading.window('a.all', { ...shape, tumbling: '24h', groupBy: null, aggregate: allFour })
    const parts = [0, 1, 2].map((partition) => new Partition([all], partition, 3))
    const merging = parts.find(({ fold }) => fold.merged.names.length > 0)!
    const merge = (now: number) => {
      for (const [source, { store }] of parts.entries()) {
        const read = Number(
          (merging.fold.offsets.get(foreignLog(source, partialsTopic('a.all'))) ?? '0-0').split('-')[0],
        )
        for (const entry of store.logs.get(partialsTopic('a.all')) ?? []) {
          if (Number(entry.streamId.split('-')[0]) > read) merging.fold.merged.apply('a.all', source, entry)
        }
      }
      merging.fold.merged.polledEmpty(now, 'a.all')
      merging.commit()
    }
    parts[0]!.read(endOf(TOPIC, undefined, from(undefined, 1_000, 4)))
    parts[1]!.read(endOf(TOPIC))
    for (const part of parts) part.quiet()
    merge(NOW)
    merge(NOW + 1_000)
    expect(merging.panes).toEqual([])
    // Its events were on their way when the first ones ended.
    parts[2]!.read(endOf(TOPIC, undefined, from(undefined, 5_000, 8)))
    parts[2]!.quiet()
    merging.restart()
    merge(NOW + 2_000)
    merge(NOW + 3_000)
    expect(merging.shown).toEqual([`0-${DAY} {"sum":12,"min":4,"max":8,"count":2} on_time`])
  })

  it('W-END-7 lies in the record batch behind the events of its slice, and not at all in a refused one', () => {
    const stored = (key: string): StoredEvent => ({ key, lane: 'normal', time: 1, json: `{"key":"${key}"}` })
    const builder = new RecordBatchBuilder()
    builder.addSlice([stored('a'), stored('b')])
    builder.addSlice([stored('c')], { source: 's' })
    builder.addSlice([], {})
    builder.addSlice([stored('d')])
    const batch = builder.build()
    expect(new BatchReader({ ...batch, refused: undefined }).acceptedEnds()).toEqual([
      { after: 3, source: 's' },
      { after: 3 },
    ])
    expect(new BatchReader({ ...batch, refused: '0,1' }).acceptedEnds()).toEqual([{ after: 0 }])
    const lone = new RecordBatchBuilder()
    lone.addSlice([], {})
    const reader = new BatchReader({ ...lone.build(), refused: undefined })
    expect([reader.acceptedBodies(), reader.acceptedEnds()]).toEqual([[], [{ after: 0 }]])
  })
})
