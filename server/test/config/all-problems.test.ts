import { expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError } from '../../src/config/config-error.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'

const schema = z.object({ id: z.string(), n: z.number() })

/** What only somebody without types can write. */
const any = (value: unknown) => value as never

function problemsOf(config: unknown) {
  try {
    defineConfig(config as Parameters<typeof defineConfig>[0])
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('it was taken')
}

test('K-CHECK-1 all problems - also several of one topic, each with the file and line of its declaration', () => {
  const a = topic('a', any({ schema, key: 'idd', retention: '5 parsecs', maxFuture: '0s', priority: 'top' }))
  const f = a.filter(() => true).to('f', any({ version: 0, retention: 'x' }))
  const w = a.window(
    'w',
    any({ tumbling: '10s', maxKeys: -1, outOfOrderness: 'soon', aggregate: {}, retention: '-1s' }),
  )
  const e = entity('e', any({ key: 'id', version: 1, state: { initial: {} }, events: 5, evolve: {}, commands: 5 }))
  const { problems, message } = problemsOf({ topics: [a, f, w, any(5)], entities: [e] })
  expect(problems.map(({ topic, code }) => `${topic} ${code}`).sort()).toEqual([
    'a bad_duration',
    'a bad_duration',
    'a bad_key',
    'a bad_priority',
    'e bad_entity',
    'e bad_entity',
    'f bad_duration',
    'f bad_version',
    'topics[3] not_a_topic',
    'w bad_aggregate',
    'w bad_duration',
    'w bad_duration',
    'w bad_window',
  ])
  for (const { topic, place } of problems) {
    if (topic !== 'topics[3]') expect(place).toMatch(/^all-problems\.test\.ts:\d+$/)
  }
  expect(message).toMatch(
    /\n {2}a: key "idd" is not .*\. Did you mean "id"\? \[bad_key\] at all-problems\.test\.ts:\d+\n/,
  )
})

test.each([
  ['topic', () => ({ topics: [topic('a', any({ schema, key: 'id', retension: '1h' }))] }), 'bad_option', 'retention'],
  [
    '.to',
    () => {
      const a = topic('a', { schema, key: 'id' })
      return { topics: [a, a.map((d) => d).to('f', any({ version: 1, prioritty: 'high' }))] }
    },
    'bad_option',
    'priority',
  ],
  [
    'window',
    () => {
      const a = topic('a', { schema, key: 'id' })
      return { topics: [a, a.window('w', any({ tumbling: '1m', agregate: {}, aggregate: { n: 'count' } }))] }
    },
    'bad_window',
    'aggregate',
  ],
  ['entity', () => ({ topics: [], entities: [entity('e', any({ key: 'id', versoin: 1 }))] }), 'bad_entity', 'version'],
  ['defineConfig', () => ({ topics: [], entitis: [] }), 'bad_option', 'entities'],
])('K-CHECK-15 an unknown option of %s - is refused with a similar one', (_, config, code, similar) => {
  const { problems } = problemsOf(config())
  expect(problems).toContainEqual(
    expect.objectContaining({ code, message: expect.stringContaining(`Did you mean "${similar}"?`) }),
  )
})

test('K-CHECK-15 options - that are none at all are problems too', () => {
  const a = topic('a', any(undefined))
  const b = topic('b', any('schema'))
  expect(problemsOf({ topics: [a, b] }).problems.map(({ topic, code }) => [topic, code])).toEqual([
    ['a', 'bad_schema'],
    ['b', 'bad_option'],
    ['b', 'bad_schema'],
  ])
  expect(problemsOf({ topcis: [] }).problems.map(({ message }) => message)).toEqual([
    'there is no option topcis. Did you mean "topics"?',
    'topics must be a list',
  ])
})
