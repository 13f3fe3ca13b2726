import { beforeEach, describe, expect, test } from 'vitest'
import {
  beginOf,
  type Command,
  decodeRecord,
  EntityFold,
  encodeRecord,
  foldTrail,
  newRecord,
} from '../../src/entities/index.ts'
import { withinTimeLimit } from '../../src/time-limit.ts'
import { add, command, definition } from './counter.ts'
import { recordIn, runCommands } from './run-commands.ts'

const live = { ...definition, publishes: new Set(['state'] as const) }
let fold: EntityFold
let published: { data: unknown; isLatest: boolean }[]

beforeEach(() => {
  published = []
  fold = new EntityFold({
    ...{ definitions: new Map([['counter', live]]), epoch: 'e', limited: withinTimeLimit },
    now: () => 2_000,
    incident: () => 'incident',
    publish: (_topic, { json }, isLatest) => published.push({ data: JSON.parse(json).data, isLatest }),
    bury: () => {},
  })
})

const run = (...commands: Command[]) => runCommands(fold, commands)

const erase = (changes: Partial<Command> = {}) => command('~erase', {}, { storedAt: 1_500, ...changes })
const status = (changes: Partial<Command> = {}) => command('status', {}, { storedAt: 1_600, ...changes })
const done = (version: number) => ({ status: 'done', version, epoch: 'e' })
const rejected = (code: string) => ({ status: 'rejected', code })

describe('erasure', () => {
  test('E-ERASE-1 takes trail, state, index entry and latest state in one commit, and leaves a tombstone', () => {
    run(add(1), command('label', { label: 'red' }))
    const { answers, operations } = run(erase())
    expect(answers).toEqual([{ ...done(3), events: [] }])
    expect(operations.filter(({ op }) => op !== 'append')).toEqual([
      { op: 'push', list: 'trail:counter:a', base: 2, items: [] },
      { op: 'drop', hash: 'trail:counter:a' },
      { op: 'delete', hash: 'cur:counter.state', fields: ['a'] },
      { op: 'push', list: 'trail:counter:a', base: 0, items: [] },
      { op: 'index', index: 'index:counter:label', add: [], remove: ['red\0a'] },
      { op: 'set', hash: 'entity:counter', fields: [['a', expect.any(String)]] },
    ])
    expect(recordIn(operations)).toMatchObject({ version: 3, state: { n: 0, label: '' }, indexed: {} })
    expect(recordIn(operations).erased).toEqual({ version: 3, time: 1_500 })
    expect(published.at(-1)).toEqual({ data: { version: 3, erased: true }, isLatest: false })
  })

  test('E-ERASE-1 versions continue behind it, in the same commit too and whatever the definition', () => {
    run(add(1))
    const { answers, operations } = run(add(2), erase(), add(5, { storedAt: 1_600 }))
    expect(answers).toMatchObject([done(2), done(3), done(4)])
    expect(operations.filter(({ op }) => op === 'push')).toMatchObject([
      { base: 1, items: [] },
      { base: 0, items: [expect.stringContaining('"n":5')] },
    ])
    expect(published.at(-1)).toEqual({ data: { version: 4, state: { n: 5, label: '' } }, isLatest: true })
    const stored = recordIn(operations)
    const later = { ...definition, version: 3, initial: { n: 100, label: '' } }
    const entry = { type: 'added', definition: 2, data: { n: 5 }, time: 1_600, commandId: 'c' }
    expect(foldTrail(later, 'a', [entry], beginOf(later, stored))).toMatchObject({ version: 4, state: { n: 105 } })
    expect(decodeRecord(encodeRecord(stored))).toEqual(stored)
  })

  test('E-ERASE-1 again it is as it was, and of nothing it is refused', () => {
    expect(run(erase()).answers).toMatchObject([{ ...rejected('not_found') }])
    run(add(1), erase())
    expect(run(erase()).answers).toMatchObject([done(2)])
    expect(fold.isDirty).toBe(false)
  })

  test('E-ERASE-2 what was sent first before is erased, answered or not', () => {
    const [first, failing] = [add(1), command('fail', { how: 'throws' })]
    run(first, failing)
    const { answers } = run(
      erase(),
      first,
      failing,
      add(1, { storedAt: 1_900, ageMs: 500 }),
      add(2, { id: first.id }),
      add(1, { storedAt: 1_600 }),
    )
    const gone = rejected('erased')
    expect(answers).toMatchObject([done(2), gone, gone, gone, rejected('conflict'), done(3)])
  })

  test('E-ERASE-2 a reaction to what happened before is erased, however late it arrives', () => {
    run(add(1), erase())
    const cause = { entity: 'order', key: 'o1', type: 'placed', version: 1, commandId: 'c', hops: 1 }
    const late = (n: number, time?: number) => add(n, { storedAt: 1_900, cause: { ...cause, time } })
    const { answers } = run(late(1, 1_499), late(2, 1_500), late(3))
    expect(answers).toMatchObject([rejected('erased'), done(3), done(4)])
  })

  test('E-ERASE-3 for commands it is an entity without events', () => {
    run(add(1), add(2), erase())
    const { answers } = run(
      status(),
      status({ expected: { version: 2 } }),
      status({ expected: { version: 0 } }),
      add(1, { storedAt: 1_700, expected: { version: 3, epoch: 'e' } }),
      add(1, { storedAt: 1_700, expected: { version: 0 } }),
    )
    const empty = { ...done(3), reply: { n: 0, version: 0 } }
    expect(answers).toMatchObject([empty, rejected('version_conflict'), empty, done(4), rejected('version_conflict')])
  })

  test('E-ERASE-4 an entity that cannot be loaded is erased like any other', () => {
    const commands = [add(1), erase(), add(7, { storedAt: 1_600 })]
    fold.needs(commands)
    const record = { ...newRecord(definition), version: 4, indexed: { label: 'red' } }
    fold.loaded('counter', 'a', { kind: 'broken', error: new Error('no event'), record })
    const { answers, operations } = run(...commands)
    expect(answers).toMatchObject([{ ...rejected('handler_failed'), version: 4 }, done(5), done(6)])
    expect(operations.filter(({ op }) => op === 'push' || op === 'index')).toMatchObject([
      { base: 4, items: [] },
      { base: 0, items: [expect.any(String)] },
      { op: 'index', remove: ['red\0a'] },
    ])
  })
})
