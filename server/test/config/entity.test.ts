import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError } from '../../src/config/config-error.ts'
import { type AnyEntity, entity } from '../../src/config/declarations/entity.ts'
import { type AnyTopic, topic } from '../../src/config/declarations/topic.ts'
import { resolveContract } from '../../src/config/resolve.ts'

const options = {
  key: 'id',
  version: 2,
  state: { initial: { n: 0 } },
  events: { added: z.object({ n: z.number() }) },
  evolve: { added: (state: { n: number }, { n }: { n: number }) => ({ n: state.n + n }) },
  rejections: ['full'],
  commands: { add: { input: z.object({ n: z.number() }), decide: () => [] } },
  indexes: { size: (state: { n: number }) => String(state.n) },
} as const

const declared = (changes: object = {}, name = 'counter'): AnyEntity =>
  entity(name, { ...options, ...changes } as never)
const resolve = (...entities: AnyEntity[]) =>
  resolveContract(
    [],
    entities.map((listed) => listed['~entity']),
  )

function problemOf(...entities: AnyEntity[]): string {
  return problemIn(() => resolve(...entities))
}

function problemIn(resolving: () => unknown): string {
  try {
    resolving()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ code, message }) => `${code}: ${message}`).join()
    throw error
  }
  return ''
}

describe('entities', () => {
  test('K-ENTITY-2 resolve - what was declared', () => {
    const counter = resolve(declared()).entities.get('counter')!
    expect(counter).toMatchObject({ name: 'counter', keyField: 'id', version: 2, initial: { n: 0 } })
    expect(counter.events.get('added')!.evolve({ n: 1 }, { n: 2 }, {})).toEqual({ n: 3 })
    expect(counter.commands.get('add')!.validate({ n: 'x' })).toMatchObject({ ok: false, path: 'n' })
    expect([...counter.rejections]).toEqual(['full'])
    expect(counter.indexes.get('size')!({ n: 4 })).toBe('4')
  })

  test.each([
    ['an option that there is not', { nothing: 1 }, 'there is no option nothing'],
    ['no key', { key: undefined }, 'key must be'],
    ['a state that is no object', { state: { initial: 3 } }, 'state must be'],
    ['a state that JSON cannot carry', { state: { initial: { n: 1n } } }, 'cannot be written as JSON'],
    ['an event without evolve', { evolve: {} }, 'evolve.added must be a function'],
    ['evolve for no event', { evolve: { ...options.evolve, gone: () => ({}) } }, 'evolve.gone is for no event'],
    ['an event that is no schema', { events: { added: {} } }, 'events.added is not a zod schema'],
    ['a command without decide', { commands: { add: { input: z.object({}) } } }, 'commands.add.decide must be'],
    ['a command that is no word', { commands: { 'a b': options.commands.add } }, 'not the name of a command'],
    ['a code of Tidegate', { rejections: ['version_conflict'] }, 'is a code of Tidegate'],
    ['a code of answers', { rejections: ['unavailable'] }, 'is a code of Tidegate'],
    ['a code that every object has', { rejections: ['constructor'] }, 'every object has'],
    [
      'a command that every object has',
      { commands: { constructor: { input: z.object({}), decide: () => [] } } },
      'every object has',
    ],
    ['a code that is no word', { rejections: ['Not found'] }, 'is not a code'],
    ['an upcast from the present version', { upcast: { added: { 2: () => ({}) } } }, 'a version below 2'],
    ['an upcast of no event', { upcast: { gone: {} } }, 'upcast.gone is for no event'],
    ['no version', { version: 0 }, 'version must be a whole number'],
  ])('K-ENTITY-2 resolve - refuses %s and names it', (_what, changes, message) => {
    expect(problemOf(declared(changes))).toContain(message)
  })

  test('K-ENTITY-2 resolve - names are single words and no two are the same', () => {
    for (const name of ['a.b', 'A', '', '~x']) expect(problemOf(declared({}, name))).toContain('bad_name')
    expect(problemOf(declared(), declared())).toContain('duplicate_name')
  })

  test('K-ENTITY-3 hash - covers what gateway and worker must agree on, and no functions', () => {
    const hash = (changes: object) => resolve(declared(changes)).hash
    expect(hash({})).toBe(hash({ view: () => ({}) }))
    expect(hash({})).not.toBe(resolveContract([]).hash)
    expect(hash({})).not.toBe(hash({ version: 3 }))
    expect(hash({})).not.toBe(hash({ rejections: [] }))
    expect(hash({})).not.toBe(hash({ commands: {} }))
    expect(hash({})).not.toBe(hash({ indexes: {} }))
  })

  const schema = z.object({ id: z.string(), other: z.string() })
  const reading = topic('a.reading', { schema, key: 'id' })
  const hot = reading.filter(() => true).to('a.hot', { version: 1 })
  const elsewhere = topic('a.elsewhere', { schema, key: 'other' })
  const panes = reading.window('a.panes', { tumbling: '1s', aggregate: { count: 'count' } })
  const resolveFolding = (changes: object, topics: AnyTopic[] = [reading, hot, elsewhere, panes]) =>
    resolveContract(
      topics.map((listed) => listed['~declaration']),
      [declared({ version: 1, ...changes })['~entity']],
    )
  const folding = { from: [reading], on: { 'a.reading': () => [] }, history: 10 }

  test('K-ENTITY-4 resolve - what folds a topic, and how much of it is kept', () => {
    const { on, history } = resolveFolding({
      from: [reading, hot],
      on: { 'a.reading': () => [1], 'a.hot': () => [2] },
      history: '2s',
    }).entities.get('counter')!
    expect([...on].map(([name, handler]) => [name, handler({}, {}, {})])).toEqual([
      ['a.reading', [1]],
      ['a.hot', [2]],
    ])
    expect(history).toEqual({ kind: 'age', ms: 2_000 })
    expect(resolveFolding(folding).entities.get('counter')!.history).toEqual({ kind: 'count', count: 10 })
    expect(resolveFolding({ history: 5 }).entities.get('counter')!.history).toEqual({ kind: 'count', count: 5 })
    expect(resolveFolding({}).entities.get('counter')!.history).toBeUndefined()
    expect(resolveFolding(folding).hash).not.toBe(resolveFolding({}).hash)
    expect(resolveFolding(folding).hash).toBe(resolveFolding({ ...folding, history: '1d' }).hash)
  })

  test.each([
    ['a topic without a handler', { on: {} }, 'on["a.reading"] must be a function'],
    ['a handler of another topic', { on: { ...folding.on, 'a.hot': () => [] } }, 'on["a.hot"] is for no topic of from'],
    ['something that is no topic', { from: ['a.reading'] }, 'from[0] was not made by topic()'],
    ['a window', { from: [panes], on: { 'a.panes': () => [] } }, 'from names a.panes, a window'],
    ['another key', { from: [elsewhere], on: { 'a.elsewhere': () => [] } }, 'whose key is other'],
    ['no history', { history: undefined }, 'history must say'],
    ['a history of nothing', { history: 0 }, 'history must say'],
    ['a history that is no duration', { history: 'long' }, 'bad_duration'],
    ['a second version that cannot be reached', { version: 2 }, 'migrate must be there'],
  ])('K-ENTITY-4 resolve - refuses %s', (_what, changes, message) => {
    expect(problemIn(() => resolveFolding({ ...folding, ...changes }))).toContain(message)
  })

  test('K-ENTITY-4 resolve - a topic that is folded is listed', () => {
    expect(problemIn(() => resolveFolding(folding, []))).toContain('unlisted_input')
  })

  const outcome = () => []
  const reacting = (then: object, changes: object = {}) => declared({ then, outcome, ...changes })

  test('K-ENTITY-5 resolve - what follows from events, and who may send commands', () => {
    const then = { 'counter.added': () => [1] }
    const { commands } = options
    const senders = { add: { ...commands.add, by: 'reaction' } }
    const resolved = resolve(reacting(then, { commands: senders })).entities.get('counter')!
    expect([...resolved.then.keys()]).toEqual(['added'])
    expect(resolved.then.get('added')!({}, {})).toEqual([1])
    expect(resolved.commands.get('add')!.by).toBe('reaction')
    expect(resolve(declared()).entities.get('counter')!.commands.get('add')!.by).toBe('both')
    const hashes = [declared(), reacting(then), declared({ commands: senders })].map((one) => resolve(one).hash)
    expect(new Set(hashes).size).toBe(3)
  })

  test.each([
    ['an event of another entity', reacting({ 'other.added': () => [] }), 'is for no event of counter'],
    ['an event that there is not', reacting({ 'counter.gone': () => [] }), 'is for no event of counter'],
    ['something that is no function', reacting({ 'counter.added': [] }), 'then["counter.added"] must be a function'],
    ['no outcome', reacting({ 'counter.added': () => [] }, { outcome: undefined }), 'outcome must be a function'],
    ['another sender', declared({ commands: { add: { ...options.commands.add, by: 'me' } } }), "must be 'client'"],
  ])('K-ENTITY-5 resolve - refuses %s', (_what, listed, message) => {
    expect(problemOf(listed)).toContain(message)
  })
})
