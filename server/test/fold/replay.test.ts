import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LOG_START } from '../../src/bus/index.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig } from '../../src/index.ts'
import { allFour, appended, batchOf, eventOf, FakeStore, panesIn, reading } from '../support/fold.ts'

const window = reading.window('a.10', {
  tumbling: '10s',
  outOfOrderness: '2s',
  allowedLateness: '1h',
  aggregate: allFour,
})
const high = reading.filter((r) => r.v > 5).to('a.high', { version: 1 })
const pipeline = new Pipeline(defineConfig({ topics: [reading, window, high] }).contract)

const event = fc.record({
  key: fc.constantFrom('x', 'y', 'z'),
  time: fc.integer({ min: 0, max: 60_000 }),
  v: fc.integer({ min: -640, max: 640 }).map((n) => n / 64),
})
type Act = 'fold' | 'commit' | 'crash'

/** The last revision of each pane, and a failure when one is stored twice or left out. */
function lastPanes(panes: readonly Pane[]): Map<string, Pane['value']> {
  const revisions = new Map<string, number>()
  const last = new Map<string, Pane['value']>()
  for (const { key, start, revision, value } of panes) {
    const name = `${key}/${start}`
    expect(revision).toBe((revisions.get(name) ?? -1) + 1)
    revisions.set(name, revision)
    last.set(name, value)
  }
  return last
}

function recompute(events: readonly { key: string; time: number; v: number }[]): Map<string, Pane['value']> {
  const groups = new Map<string, number[]>()
  for (const { key, time, v } of events) {
    const name = `${key}/${Math.floor(time / 10_000) * 10_000}`
    groups.set(name, [...(groups.get(name) ?? []), v])
  }
  return new Map(
    [...groups].map(([name, values]) => [
      name,
      {
        sum: values.reduce((a, b) => a + b, 0),
        min: Math.min(...values),
        max: Math.max(...values),
        count: values.length,
      },
    ]),
  )
}

describe('partition fold', () => {
  it('W-FOLD-5 stores every revision once, however commits and ends of the worker fall', () => {
    const log = fc.array(fc.array(event, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 })
    const acts = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constant<Act>('fold') },
        { weight: 2, arbitrary: fc.constant<Act>('commit') },
        { weight: 2, arbitrary: fc.constant<Act>('crash') },
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(log, acts, (batches, script) => {
        let n = 0
        const events = batches.flat()
        const entries = [...batches, [{ key: 'close', time: 100_000, v: 0 }]].map((batch) =>
          batchOf('a.reading', ...batch.map(({ key, time, v }) => eventOf(n++, key, time, v))),
        )
        const store = new FakeStore()
        const panes: Pane[] = []
        const flowed: string[] = []
        let fold = new PartitionFold(pipeline, 0, 1, store.load())
        const commit = () => {
          const operations = store.commit(fold)
          panes.push(...panesIn(operations, 'a.10'))
          flowed.push(...appended(operations, 'a.high').map(({ id }) => id))
        }
        const next = () => {
          const offset = fold.offsets.get('a.reading') ?? LOG_START
          return entries[entries.findIndex(({ streamId }) => streamId === offset) + 1]
        }
        for (const act of [...script, ...entries.map((): Act => 'fold')]) {
          const batch = next()
          if (act === 'fold' && batch !== undefined) fold.fold(batch)
          else if (act === 'commit') commit()
          else if (act === 'crash') fold = new PartitionFold(pipeline, 0, 1, store.load())
        }
        while (fold.isDirty) commit()
        expect(lastPanes(panes)).toEqual(recompute(events))
        const expected = entries.flatMap((entry) => entry.events).filter(({ data }) => (data as { v: number }).v > 5)
        expect(flowed).toEqual(expected.map(({ id }) => id))
      }),
      { numRuns: 300 },
    )
  })
})
