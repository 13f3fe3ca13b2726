import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError } from '../../src/config/config-error.ts'
import { type AnyEntity, entity } from '../../src/config/entity.ts'
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
  try {
    resolve(...entities)
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
})
