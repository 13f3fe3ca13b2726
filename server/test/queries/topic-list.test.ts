import { expect, test } from 'vitest'
import { z } from 'zod'
import { Rights } from '../../src/access/index.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { describeTopics } from '../../src/queries/topic-list.ts'

const HOUR_MS = 3_600_000

test('Q-TOPICS-1 topics - every topic of the contract, with what its kind has', () => {
  const reading = topic('reading', { schema: z.object({ id: z.string(), n: z.number() }), key: 'id', retention: '1h' })
  const high = reading.filter(({ n }) => n > 1).to('reading.high', { version: 1 })
  const sum = reading.window('reading.sum', { tumbling: '10s', aggregate: { n: { sum: 'n' } } })
  const described = describeTopics(defineConfig({ topics: [reading, high, sum] }).contract, Rights.EVERYTHING)
  const of = (name: string) => described.find((each) => each.name === name)
  expect(described.map(({ name }) => name).sort()).toEqual([
    'reading',
    'reading.high',
    'reading.sum',
    'reading.sum.late',
  ])
  expect(described.every(({ retentionMs }) => retentionMs > 0)).toBe(true)
  expect(of('reading')).toMatchObject({
    kind: 'source',
    retentionMs: HOUR_MS,
    key: 'id',
    schema: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'number' } } },
  })
  expect(of('reading.high')).toMatchObject({ kind: 'flow', from: ['reading'] })
  expect(of('reading.sum')).toMatchObject({
    kind: 'window',
    from: ['reading'],
    window: { type: 'tumbling', sizeMs: 10_000 },
    valueSchema: { type: 'object', properties: { n: { type: 'number' } } },
  })
  expect(of('reading.sum.late')).toMatchObject({ kind: 'late' })
})
