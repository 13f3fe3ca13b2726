import { beforeEach, describe, expect, test } from 'vitest'
import type { CommitOperation } from '../../src/bus/index.ts'
import type { EntityDefinition } from '../../src/config/contract/entity-model.ts'
import { type Command, EntityFold, newRecord } from '../../src/entities/index.ts'
import { withinTimeLimit } from '../../src/time-limit.ts'
import { add, command, definition, ENDLESS, UNINDEXABLE } from './counter.ts'
import { type Ran, recordIn, runCommands } from './run-commands.ts'

const followed: unknown[] = []
const follow = (event: unknown) => {
  followed.push(event)
  return []
}
const live: EntityDefinition = {
  ...definition,
  publishes: new Set(['state', 'events'] as const),
  history: { kind: 'count', count: 2 },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: new Map([['added', follow]]),
  migrate: (state, from) => ({ ...state, label: `of ${from}` }),
}
let fold: EntityFold
let published: { topic: string; data: unknown; isLatest: boolean }[]

beforeEach(() => {
  published = []
  followed.length = 0
  fold = new EntityFold({
    ...{ definitions: new Map([['counter', live]]), epoch: 'e', limited: withinTimeLimit },
    now: () => 2_000,
    incident: () => 'incident',
    publish: (topic, { json }, isLatest) => published.push({ topic, data: JSON.parse(json).data, isLatest }),
    bury: () => {},
  })
})

function run(...commands: Command[]): Ran {
  const { answers, operations } = runCommands(fold, commands)
  return { answers, operations: operations.filter(({ op }) => op !== 'append') }
}

function pushesOf(operations: readonly CommitOperation[]) {
  return operations.flatMap((operation) =>
    operation.op === 'push'
      ? [{ base: operation.base, count: operation.items.length, dropped: operation.dropped ?? 0 }]
      : [],
  )
}

const event = (version: number, changes: object = {}) => ({
  ...{ version, type: 'added', definition: 2, time: 10 * version, commandId: `old-${version}`, data: { n: version } },
  ...changes,
})
const base = (version: number, changes: object = {}) => ({
  ...{ version, time: 10 * version, definition: 2, state: { n: 100, label: 'red' }, ...changes },
})
const pieceOf = (...lines: object[]) => command('~import', { lines })
const done = (version: number) => ({ status: 'done', version, epoch: 'e', events: [] })
const rejected = (code: string, path?: string) => ({ status: 'rejected', code, ...(path && { path }) })

describe('import', () => {
  test('E-IMPORT-1 events are stored as they were, with what follows from their state, in one commit', () => {
    const cause = { entity: 'order', key: 'o', version: 7 }
    const label = event(2, { type: 'labelled', data: { label: 'blue' }, cause })
    const { answers, operations } = run(pieceOf(event(1, { definition: 1, data: { by: 4 } }), label))
    expect(answers).toEqual([done(2)])
    const items = [
      '{"e":"added","v":1,"d":{"by":4},"t":10,"c":"old-1"}',
      '{"e":"labelled","v":2,"d":{"label":"blue"},"t":20,"c":"old-2","o":["order","o",7]}',
    ]
    expect(operations).toEqual([
      { op: 'push', list: 'trail:counter:a', base: 0, items },
      { op: 'index', index: 'index:counter:label', add: ['blue\0a'], remove: [] },
      { op: 'set', hash: 'entity:counter', fields: [['a', expect.any(String)]] },
    ])
    expect(recordIn(operations)).toMatchObject({ version: 2, time: 20, state: { n: 4, label: 'blue' } })
    const data = { version: 2, state: { n: 4, label: 'blue' } }
    expect(published).toEqual([{ topic: 'counter.state', data, isLatest: true }])
  })

  test('E-IMPORT-1 E-IMPORT-4 a trail begins with a state, is not cut, and has its checkpoint where it had one', () => {
    const lines = Array.from({ length: 5 }, (_, i) => event(21 + i))
    const { answers, operations } = run(pieceOf(base(20), ...lines))
    expect(answers).toEqual([done(25)])
    expect(pushesOf(operations)).toEqual([{ base: 0, count: 5, dropped: 0 }])
    const state = { n: 100 + 21 + 22 + 23 + 24 + 25, label: 'red' }
    expect(recordIn(operations)).toMatchObject({ version: 25, state, base: { version: 20 }, next: { version: 22 } })
    const after = run(pieceOf(event(26)), add(1, { storedAt: 1_500 }))
    expect(after.answers).toMatchObject([done(26), { status: 'done', version: 27 }])
    expect(pushesOf(after.operations)).toEqual([{ base: 5, count: 2, dropped: 2 }])
  })

  test('E-IMPORT-2 a piece is taken where the entity ends, and nowhere else', () => {
    const first = pieceOf(event(1), event(2))
    expect(run(pieceOf(event(2))).answers).toMatchObject([rejected('version_conflict')])
    expect(run(first, { ...first, id: 'again' }, pieceOf(event(3))).answers).toMatchObject([
      done(2),
      { ...rejected('version_conflict'), version: 2 },
      done(3),
    ])
    expect(run(pieceOf(event(3)), pieceOf(event(5)), pieceOf(base(4))).answers).toMatchObject(
      Array.from({ length: 3 }, () => ({ ...rejected('version_conflict'), version: 3 })),
    )
    run(command('~erase', {}, { storedAt: 1_500 }))
    expect(run(pieceOf(event(1))).answers).toMatchObject([rejected('erased')])
  })

  test.each([
    ['an event that is not declared', [event(1), event(2, { type: 'gone' })], 'invalid_input', 'lines.1'],
    ['a version that is not the next', [event(1), event(3)], 'invalid_input', 'lines.1'],
    ['a time before the last one', [event(1), event(2, { time: 9 })], 'invalid_input', 'lines.1'],
    ['a later definition', [event(1, { definition: 3 })], 'invalid_input', 'lines.0'],
    ['a state in between', [event(1), base(2)], 'invalid_input', 'lines.1'],
    ['a version that is no number', [event(1, { version: '1' })], 'invalid_input', 'lines.0'],
    ['a foreign field', [event(1, { who: 'ann' })], 'invalid_input', 'lines.0'],
    ['no data', [event(1, { data: undefined })], 'invalid_input', 'lines.0'],
    ['a line that is neither', [{ version: 1, time: 1, definition: 2 }], 'invalid_input', 'lines.0'],
    ['a cause without a key', [event(1, { cause: { entity: 'order', version: 1 } })], 'invalid_input', 'lines.0'],
    ['a tombstone from later', [base(3, { erased: { version: 4, time: 1 } })], 'invalid_input', 'lines.0'],
    ['no line', [], 'invalid_input', 'lines'],
    ['more than 64 lines', Array.from({ length: 65 }, (_, i) => event(i + 1)), 'invalid_input', 'lines'],
    [
      'an event that is never folded',
      [event(1, { definition: 1, data: { by: ENDLESS } })],
      'handler_failed',
      undefined,
    ],
    ['a state that no index takes', [base(1, { state: { n: 1, label: UNINDEXABLE } })], 'handler_failed', undefined],
    ['a state of 70 KB', [base(1, { state: { n: 1, label: 'x'.repeat(70_000) } })], 'state_too_large', undefined],
  ])('E-IMPORT-3 of a piece with %s nothing is stored', (_, lines, code, path) => {
    const { answers, operations } = run(pieceOf(...lines))
    expect(answers).toMatchObject([rejected(code, path)])
    expect(operations).toEqual([])
    expect(run(pieceOf(event(1))).answers).toEqual([done(1)])
  })

  test('E-IMPORT-3 a state of an earlier definition is migrated', () => {
    const { operations } = run(pieceOf(base(3, { definition: 1 })))
    expect(recordIn(operations)).toMatchObject({ version: 3, definition: 2, state: { n: 100, label: 'of 1' } })
    const without = { ...live, migrate: undefined }
    const piece = { ...pieceOf(base(3, { definition: 1 })), key: 'b' }
    fold = new EntityFold({
      ...{ definitions: new Map([['counter', without]]), epoch: 'e', limited: withinTimeLimit, now: () => 2_000 },
      ...{ incident: () => 'incident', publish: () => {}, bury: () => {} },
    })
    expect(run(piece).answers).toMatchObject([rejected('invalid_input', 'lines.0')])
  })

  test('E-IMPORT-4 nothing follows from imported events', () => {
    run(pieceOf(event(1), event(2)))
    expect(followed).toEqual([])
    expect(fold.outbox.hasNew).toBe(false)
    expect(published.map(({ topic }) => topic)).toEqual(['counter.state'])
    run(add(5, { storedAt: 1_500 }))
    expect(followed).toMatchObject([{ type: 'added', version: 3 }])
    expect(published.map(({ topic }) => topic)).toEqual(['counter.state', 'counter.events', 'counter.state'])
  })

  test('E-IMPORT-5 a tombstone is imported as one', () => {
    const erased = { version: 3, time: 1_500 }
    const { answers, operations } = run(pieceOf(base(3, { time: 1_500, erased })))
    expect(answers).toEqual([done(3)])
    expect(published).toEqual([])
    const record = recordIn(operations)
    expect(record).toEqual({ ...newRecord(live), ...record.base, base: record.base, next: record.base, erased })
    expect(run(add(1), add(1, { storedAt: 1_600 })).answers).toMatchObject([
      rejected('erased'),
      { status: 'done', version: 4 },
    ])
  })
})
