import { describe, expect, it } from 'vitest'
import type { EventBody } from '../../src/bus/index.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig } from '../../src/index.ts'
import { IDLE_AFTER_MS } from '../../src/operators/index.ts'
import { allFour, appended, batchOf, eventOf, FakeStore, panesIn, reading } from '../support/fold.ts'

const options = { tumbling: '10s', outOfOrderness: '0s', allowedLateness: '0s', aggregate: allFour } as const
const pipelineWith = (watermark: 'source' | 'key', more: object = {}) =>
  new Pipeline(
    defineConfig({ topics: [reading, reading.window('a.fleet', { ...options, watermark, ...more })] }).contract,
  )

/** One partition, and what it has put out. */
class Partition {
  readonly starts: number[] = []
  readonly late: string[] = []
  readonly store = new FakeStore()
  fold: PartitionFold

  constructor(pipeline: Pipeline) {
    this.fold = new PartitionFold(pipeline, 0, 1, this.store.load())
  }

  read(...events: readonly EventBody[]): void {
    this.fold.fold(batchOf('a.reading', ...events))
    while (this.fold.isDirty) {
      const operations = this.store.commit(this.fold)
      this.starts.push(...panesIn(operations, 'a.fleet').map(({ start }) => start))
      this.late.push(...appended(operations, 'a.fleet.late').map(({ id }) => id))
    }
  }

  restart(pipeline: Pipeline): void {
    this.fold = new PartitionFold(pipeline, 0, 1, this.store.load())
  }
}

const from = (source: string | undefined, time: number, key = 'k'): EventBody => ({
  ...eventOf(`${source}-${time}`, key, time),
  ...(source !== undefined && { source }),
})

describe('a clock per source or key', () => {
  it('W-FLEET-1 keeps windows open for a source that is behind the others', () => {
    const partition = new Partition(pipelineWith('source'))
    partition.read(from('slow', 1_000), from('fast', 25_000))
    expect(partition.starts).toEqual([])
    partition.read(from('slow', 12_000))
    expect(partition.starts).toEqual([0])
    partition.read(from('slow', 30_000))
    expect(partition.starts).toEqual([0, 10_000])
    expect(partition.late).toEqual([])
  })

  it('M-LAG-3 says the watermark that a window waits for, and none where nothing is open', () => {
    const partition = new Partition(pipelineWith('source'))
    const watermark = () => partition.fold.waitsFor().watermarks.get('a.fleet')
    expect(watermark()).toBe(Number.POSITIVE_INFINITY)
    partition.read(from('slow', 1_000), from('fast', 25_000))
    expect(watermark()).toBe(partition.fold.progress().watermarks['a.fleet'])
    expect(watermark()).toBeLessThanOrEqual(1_000)
  })

  it('W-FLEET-1 follows keys, or sources of which those without a name are one', () => {
    const perKey = new Partition(pipelineWith('key'))
    perKey.read(from('s', 25_000, 'x'), from('s', 1_000, 'y'))
    expect(perKey.starts).toEqual([])
    perKey.read(from('s', 26_000, 'y'))
    expect(perKey.starts).toEqual([0])
    const perSource = new Partition(pipelineWith('source'))
    perSource.read(from(undefined, 25_000, 'x'))
    perSource.read(from(undefined, 1_000, 'y'))
    expect(perSource.late).toEqual(['undefined-1000'])
  })

  it('O-FLEET-6 closes windows for the others when one is further behind than maxBehind, and says which', () => {
    const partition = new Partition(pipelineWith('source', { maxBehind: '15s' }))
    partition.read(from('stuck', 1_000), from('a', 25_000))
    expect(partition.starts).toEqual([0])
    partition.read(from('stuck', 1_001))
    expect(partition.late).toEqual(['stuck-1001'])
    expect(partition.fold.waitsFor().sources).toEqual([{ window: 'a.fleet', source: 'stuck', behindMs: 23_999 }])
  })

  it('W-FLEET-1 sees events that the window leaves out', () => {
    const partition = new Partition(pipelineWith('source', { where: { version: 1, keep: () => false } }))
    partition.read(from('a', 25_000))
    expect(partition.fold.progress().watermarks['a.fleet']).toBe(25_000)
  })

  it('W-FLEET-1 does not wait for one that fell silent, under a constant stream of others', () => {
    const partition = new Partition(pipelineWith('source'))
    partition.read(from('dead', 1_000))
    for (let waited = 0; waited <= IDLE_AFTER_MS; waited += 500) {
      partition.read(from('alive', 20_000 + waited))
      partition.fold.readToEnd(waited, new Set())
    }
    partition.read(from('alive', 23_000))
    expect(partition.starts).toEqual([0])
  })

  it('W-FLEET-2 are there again after a restart, and gone with the definition', () => {
    const pipeline = pipelineWith('source')
    const partition = new Partition(pipeline)
    partition.read(from('slow', 1_000), from('fast', 25_000))
    partition.restart(pipeline)
    partition.read(from('fast', 45_000))
    expect(partition.starts).toEqual([])
    partition.restart(pipelineWith('source', { tumbling: '20s' }))
    partition.read(from('fast', 60_000))
    expect(partition.fold.openStates).toBe(2)
  })
})
