import { beforeEach, describe, expect, test } from 'vitest'
import { type CommitOperation, decodeEvents } from '../../src/bus/index.ts'
import type { EntityDefinition } from '../../src/config/contract/entity-model.ts'
import { reject, reply } from '../../src/config/declarations/entity.ts'
import {
  type Command,
  type CommandOutcome,
  decodeRecord,
  decodeTrailEntry,
  EntityFold,
  type EntityFoldOptions,
  foldTrail,
  newRecord,
  subjectOf,
} from '../../src/entities/index.ts'
import { withinTimeLimit } from '../../src/time-limit.ts'
import { add, command, definition, definitions } from './counter.ts'

let incidents: unknown[]
let now: number
let fold: EntityFold
let published: { topic: string; key: string; data: unknown; isLatest: boolean }[]

function open(options: Partial<EntityFoldOptions> = {}): EntityFold {
  return new EntityFold({
    definitions,
    epoch: 'e',
    now: () => now,
    limited: withinTimeLimit,
    incident: (_what, error) => `incident-${incidents.push(error)}`,
    bury: () => {},
    publish: (topic, { key, json }, isLatest) => published.push({ topic, key, data: JSON.parse(json).data, isLatest }),
    ...options,
  })
}

beforeEach(() => {
  incidents = []
  now = 2_000
  published = []
  fold = open()
})

/** Loads what they need, as of nothing that is stored, folds them, and returns the answers in their order. */
function run(...commands: Command[]): CommandOutcome[] {
  for (const [name, keys] of fold.needs(commands).entities) for (const key of keys) fold.loaded(name, key)
  if (!fold.fold(commands)) for (const command of commands) fold.fold([command])
  return answersIn(fold.takeOperations())
}

function answersIn(operations: readonly CommitOperation[]): CommandOutcome[] {
  return operations.flatMap((operation) =>
    operation.op === 'append' ? decodeEvents(operation.payload).map(({ data }) => data as CommandOutcome) : [],
  )
}

const done = (version: number) => ({ status: 'done', version, epoch: 'e' })
const rejected = (code: string) => ({ status: 'rejected', code })

describe('entity fold - running a command', () => {
  test('E-RUN-1 each runs on what the ones before have left, and says what came of it', () => {
    const answers = run(add(1), add(2), command('add', { n: 998 }), command('status', {}))
    expect(answers).toMatchObject([
      { ...done(1), events: [{ type: 'added', data: { n: 1 } }] },
      { ...done(2), events: [{ type: 'added', data: { n: 2 } }] },
      { ...rejected('too_many'), message: 'It would exceed 1,000.', version: 2, epoch: 'e' },
      { ...done(2), events: [], reply: { n: 3, version: 2 } },
    ])
  })

  test('E-RUN-2 it is validated again', () => {
    const answers = run(
      add(1, { entity: 'none' }),
      command('none', {}),
      command('add', { n: 'x' }),
      command('add', null),
    )
    expect(answers).toMatchObject([
      rejected('unknown_entity'),
      rejected('unknown_command'),
      { ...rejected('invalid_input'), path: 'n' },
      rejected('invalid_input'),
    ])
  })

  test('E-RUN-3 an expected version must be that of the entity, and of the epoch', () => {
    const expecting = (version: number, epoch?: string) => add(1, { expected: { version, ...(epoch && { epoch }) } })
    const answers = run(expecting(1), expecting(0), expecting(1, 'e'), expecting(2, 'before'), expecting(9))
    expect(answers).toMatchObject([
      rejected('version_conflict'),
      done(1),
      done(2),
      rejected('version_conflict'),
      rejected('version_conflict'),
    ])
  })

  test.each(['throws', 'mutates', 'event', 'data', 'code', 'nothing'])(
    'E-RUN-4 a handler that fails (%s) fails alone',
    (how) => {
      const answers = run(add(1), command('fail', { how }), add(1))
      expect(answers).toMatchObject([done(1), { ...rejected('handler_failed'), version: 1 }, done(2)])
      expect(answers[1]).toMatchObject({ message: expect.stringContaining('incident-1') })
      expect(incidents).toHaveLength(1)
    },
  )

  test('E-RUN-5 a handler that does not return is ended, and fails alone', () => {
    const before = process.cpuUsage()
    const answers = run(add(1), command('fail', { how: 'endless' }), add(1), add(1, { key: 'b' }))
    const { user, system } = process.cpuUsage(before)
    expect(answers).toMatchObject([done(1), rejected('handler_failed'), done(2), done(1)])
    expect((user + system) / 1_000).toBeLessThan(800)
    expect(run(command('status', {}))).toMatchObject([{ reply: { n: 2 } }])
  })

  test('E-RUN-6 the context is the same whenever the command runs', () => {
    const status = command('status', {}, { storedAt: 1_234 })
    const [first] = run(status)
    fold = open()
    expect(run(status)).toEqual([first])
    expect(first).toMatchObject({ reply: { now: 1_234, ids: [expect.any(String), expect.any(String)] } })
  })

  test('E-ANSWER-6 an answer says whose it is', () => {
    const commands = [add(1), add(1, { key: 'b' }), add(1)]
    for (const [name, keys] of fold.needs(commands).entities) for (const key of keys) fold.loaded(name, key)
    fold.fold(commands)
    const sources = fold
      .takeOperations()
      .flatMap((operation) => (operation.op === 'append' ? decodeEvents(operation.payload) : []))
      .map(({ source }) => source)
    expect(sources).toEqual(['a', 'b', 'a'].map((key) => subjectOf('counter', key)))
  })

  test('E-RUN-6 event times never go back', () => {
    const commands = [add(1, { storedAt: 5_000 }), add(1, { storedAt: 4_000 })]
    fold.needs(commands)
    fold.loaded('counter', 'a')
    fold.fold(commands)
    const trail = fold.takeOperations().flatMap((operation) => (operation.op === 'push' ? operation.items : []))
    expect(trail.map((text) => decodeTrailEntry(text).time)).toEqual([5_000, 5_000])
  })

  test('E-RUN-7 what would be too large changes nothing', () => {
    const answers = run(
      command('add', { n: 1, times: 65 }),
      command('label', { label: 'x'.repeat(70_000) }),
      command('add', { n: 1, times: 64 }),
    )
    expect(answers).toMatchObject([rejected('state_too_large'), rejected('state_too_large'), done(64)])
  })

  /** A counter whose `status` decides otherwise. */
  const deciding = (changes: object) => {
    const status = { ...definition.commands.get('status')!, ...changes }
    const commands = new Map([...definition.commands, ['status', status]])
    return open({ definitions: new Map([['counter', { ...definition, commands }]]) })
  }

  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])
  test.each([
    ['a reply', () => reply({ text: 'x'.repeat(33_000) }), 'state_too_large'],
    ['the text of a rejection', () => reject('too_many', 'x'.repeat(1_025)), 'state_too_large'],
    ['a reply that nests', () => reply({ deep: deep(64) }), 'handler_failed'],
    ['a reply whose toJSON nests', () => reply({ toJSON: () => deep(65) }), 'handler_failed'],
  ])('E-RUN-7 %s is bounded as what it may become is', (_what, decide, code) => {
    fold = deciding({ decide })
    const answers = run(add(1), command('status', {}), add(1))
    expect(answers).toMatchObject([done(1), rejected(code), done(2)])
    expect(JSON.stringify(answers[1]).length).toBeLessThan(1_000)
  })

  test.each([
    ['text', 'x'.repeat(2_000_000)],
    ['list', Array.from({ length: 2_000_000 }, () => null)],
    ['bytes', new Uint8Array(2_000_000)],
  ])('E-RUN-7 a reply with a far too large %s is not written as JSON', (_what, large) => {
    let isWritten = false
    const seen = {
      toJSON() {
        isWritten = true
      },
    }
    fold = deciding({ decide: () => reply({ large, seen }) })
    expect(run(add(1), command('status', {}), add(1))).toMatchObject([done(1), rejected('handler_failed'), done(2)])
    expect(isWritten).toBe(false)
  })

  test('E-RUN-7 what a schema says of an input is cut', () => {
    const validate = () => ({ ok: false, path: 'p'.repeat(9_000), message: 'm'.repeat(9_000) })
    fold = deciding({ validate })
    const [answer] = run(command('status', {}))
    expect(answer).toMatchObject({ ...rejected('invalid_input'), message: expect.stringMatching(/^m+$/) })
    expect(JSON.stringify(answer).length).toBeLessThan(2_500)
  })
})

describe('entity fold - answers', () => {
  test('E-ANSWER-1 a repeated command has the first answer, in the chunk, the commit and later', () => {
    const first = add(1)
    const [one, two] = run(first, first)
    expect(one).toMatchObject(done(1))
    expect(two).toEqual(one)
    expect(run(first)).toEqual([one])
    fold.stored()
    expect(fold.needs([first]).ids).toEqual([first.id])
    fold.answered(first.id, { tag: first.checksum, outcome: one! })
    fold.fold([first])
    expect(answersIn(fold.takeOperations())).toEqual([one])
  })

  test('E-ANSWER-1 another command under the id is a conflict', () => {
    const first = add(1)
    const answers = run(first, add(2, { id: first.id }), command('status', {}))
    expect(answers).toMatchObject([done(1), rejected('conflict'), { reply: { n: 1 } }])
  })

  test('E-ANSWER-2 E-ANSWER-4 only what is final is noted', () => {
    const late = add(1, { waitMs: 999 })
    const first = add(1)
    fold.needs([late, first])
    fold.loaded('counter', 'a')
    fold.fold([late, first, add(2, { id: first.id })])
    const operations = fold.takeOperations()
    expect(answersIn(operations)).toMatchObject([rejected('expired'), done(1), rejected('conflict')])
    const noted = operations.flatMap((operation) =>
      operation.op === 'append' ? (operation.places?.entries ?? []) : [],
    )
    expect(noted).toEqual([{ field: first.id, tag: first.checksum, index: 1 }])
  })

  test('E-ANSWER-2 E-LAG-2 what is passed over is passed over each time that it comes', () => {
    const [late, excess] = [add(1, { waitMs: 999 }), add(1, { isExcess: true })]
    const overloaded = { ...rejected('overloaded'), retryAfterMs: expect.any(Number) }
    const answers = run(late, late, excess, excess, { ...excess, isExcess: false }, excess)
    expect(answers).toMatchObject([rejected('expired'), rejected('expired'), overloaded, overloaded, done(1), done(1)])
  })

  test('E-LAG-1 answers say when the newest command handled was stored, while others wait', () => {
    const watermarks = (isBehind: boolean, ...commands: Command[]) => {
      for (const [name, keys] of fold.needs(commands).entities) for (const key of keys) fold.loaded(name, key)
      fold.fold(commands)
      const operations = fold.takeOperations(isBehind)
      return operations.flatMap((operation) => (operation.op === 'append' ? [operation.watermark] : []))
    }
    expect(watermarks(true, add(1, { storedAt: 1_500 }), add(1, { storedAt: 1_600 }))).toEqual([1_600])
    expect(watermarks(false, add(1, { storedAt: 1_700 }))).toEqual([undefined])
  })

  test('E-ANSWER-3 what may have been forgotten is not run again', () => {
    const hour = 3_600_000
    fold = open({ generations: { began: 10 * hour, since: 9 * hour, bytes: 0 } })
    now = 10 * hour + 1_000
    const at = { storedAt: now }
    const answers = run(add(1, { ...at, ageMs: 2 * hour }), add(1, { ...at, ageMs: hour / 2 }), add(1, at))
    expect(answers).toMatchObject([rejected('outcome_unknown'), done(1), done(2)])
  })

  test('E-ONCE-1 a command whose answer is forgotten is found beside the newest 100 events, and is not run again', () => {
    const hour = 3_600_000
    fold = open({ generations: { began: 10 * hour, since: 9 * hour, bytes: 0 } })
    now = 10 * hour + 1_000
    const [old, known, fresh] = [8, 9.5, 10].map((hours) => add(1, { storedAt: hours * hour }))
    const again = [old!, known!, fresh!].map((command) => ({ ...command, storedAt: now }))
    fold.needs(again)
    fold.loaded('counter', 'a', {
      kind: 'loaded',
      record: { version: 150, time: 10 * hour, definition: 2, state: { n: 150, label: '' }, indexed: {} },
    })
    const unread = { name: 'counter', key: 'a', cut: 0, from: 50, to: 150 }
    expect(fold.unread(again)).toEqual([unread])
    const entry = { type: 'added', definition: 2, data: { n: 1 } }
    const entries = [old!, old!, known!].map(({ id, storedAt }) => ({ ...entry, time: storedAt, commandId: id }))
    fold.read(unread, entries)
    expect(fold.unread(again)).toEqual([])
    fold.fold([...again, again[0]!])
    const forgotten = { ...rejected('outcome_unknown'), version: 52, epoch: 'e' }
    // The answer of the second one is known where answers are looked up.
    expect(answersIn(fold.takeOperations())).toMatchObject([forgotten, done(151), done(152), forgotten])
    expect(fold.unread([add(1)])).toEqual([])
  })

  test('E-ONCE-1 while every answer is known nothing is looked through', () => {
    run(add(1))
    expect(fold.unread([add(1)])).toEqual([])
  })

  test('E-ANSWER-3 a generation of answers ends after an hour', () => {
    run(add(1))
    now += 3_599_999
    run(add(1, { storedAt: now }))
    now += 1
    const commands = [add(1, { storedAt: now })]
    fold.needs(commands)
    fold.fold(commands)
    expect(fold.takeOperations()).toContainEqual(expect.objectContaining({ op: 'rename' }))
    expect(fold.generations).toMatchObject({ began: now, since: 2_000 })
  })
})

describe('entity fold - what is stored', () => {
  test('E-STORE-1 E-STORE-3 trail, state and indexes belong together', () => {
    const commands = [add(1), command('label', { label: 'x' }), command('label', { label: 'y' })]
    fold.needs(commands)
    fold.loaded('counter', 'a')
    fold.fold(commands)
    const operations = fold.takeOperations()
    const push = operations.find(({ op }) => op === 'push')
    expect(push).toMatchObject({ base: 0, items: [expect.any(String), expect.any(String), expect.any(String)] })
    const set = operations.find(({ op }) => op === 'set')
    const record = decodeRecord(set?.op === 'set' ? set.fields[0]![1] : '')
    const trail = push?.op === 'push' ? push.items.map(decodeTrailEntry) : []
    expect(foldTrail(definition, 'a', trail)).toEqual(record)
    expect(operations.filter(({ op }) => op === 'index')).toMatchObject([{ add: ['y\0a'], remove: [] }])
    const next = [command('label', { label: 'z' })]
    fold.needs(next)
    fold.fold(next)
    expect(fold.takeOperations().filter(({ op }) => op === 'index' || op === 'push')).toMatchObject([
      { op: 'push', base: 3 },
      { op: 'index', add: ['z\0a'], remove: ['y\0a'] },
    ])
  })

  test('E-ON-5 the trail of an entity that folds no topic is bounded by its history as well', () => {
    fold = open({
      definitions: new Map([['counter', { ...definition, history: { kind: 'count', count: 10 } as const }]]),
    })
    let length = 0
    for (let version = 1; version <= 45; version++) {
      const one = [add(1)]
      fold.needs(one)
      if (version === 1) fold.loaded('counter', 'a')
      fold.fold(one)
      const push = fold.takeOperations().find(({ op }) => op === 'push')
      fold.stored()
      if (push?.op !== 'push') throw new Error('nothing was pushed')
      expect(push.base).toBe(length)
      length += push.items.length - (push.dropped ?? 0)
      expect(length).toBeGreaterThanOrEqual(Math.min(10, version))
      expect(length).toBeLessThanOrEqual(20)
    }
    expect(run(command('status', {}))).toMatchObject([{ version: 45, reply: { n: 45 } }])
  })

  test('E-STORE-2 events of an earlier version are upcast', () => {
    const entry = { type: 'added', definition: 1, data: { by: 4 }, time: 1, commandId: 'c' }
    expect(foldTrail(definition, 'a', [entry]).state).toMatchObject({ n: 4 })
  })

  test('E-STORE-2 an upcast that returns nothing fails: the event is not folded as it was', () => {
    const events = new Map(definition.events)
    events.set('added', { ...events.get('added')!, upcasts: new Map([[1, () => undefined]]) })
    const entry = { type: 'added', definition: 1, data: { by: 4 }, time: 1, commandId: 'c' }
    const fold = () => foldTrail({ ...definition, events }, 'a', [entry])
    expect(fold).toThrow('upcast.added[1] of counter returned nothing')
  })

  test('E-STORE-2 an entity that cannot be loaded fails alone', () => {
    const commands = [add(1), add(1, { key: 'b' })]
    fold.needs(commands)
    fold.loaded('counter', 'a', { kind: 'broken', error: new Error('no event'), record: newRecord(definition) })
    fold.loaded('counter', 'b')
    fold.fold(commands)
    expect(answersIn(fold.takeOperations())).toMatchObject([rejected('handler_failed'), done(1)])
  })

  test('E-ANSWER-5 events of an entity with a view are answered by type alone', () => {
    const viewed = new Map([['counter', { ...definition, view: () => ({}) }]])
    fold = open({ definitions: viewed })
    expect(run(add(1))).toMatchObject([{ events: [{ type: 'added' }] }])
    expect(run(add(1))[0]).not.toHaveProperty(['events', 0, 'data'])
  })
})

describe('entity fold - what others follow', () => {
  const publishes = new Set(['state', 'events'] as const)

  test('E-LIVE-1 every event, and the view once a commit', () => {
    fold = open({ definitions: new Map([['counter', { ...definition, publishes }]]) })
    run(add(1), add(2), command('status', {}))
    expect(published).toMatchObject([
      { topic: 'counter.events', key: 'a', data: { type: 'added', version: 1, data: { n: 1 } }, isLatest: false },
      { topic: 'counter.events', key: 'a', data: { type: 'added', version: 2, data: { n: 2 } }, isLatest: false },
      { topic: 'counter.state', key: 'a', data: { version: 2, state: { n: 3, label: '' } }, isLatest: true },
    ])
  })

  test('E-LIVE-2 of an entity with a view nothing else, and a view that fails fails its command', () => {
    const view = (state: object) => {
      const { n } = state as { n: number }
      if (n === 13) throw new Error('no')
      return { shown: n }
    }
    fold = open({ definitions: new Map([['counter', { ...definition, publishes, view }]]) })
    expect(run(add(1), add(12), add(1))).toMatchObject([done(1), rejected('handler_failed'), done(2)])
    expect(published.map(({ data }) => data)).toEqual([
      { type: 'added', version: 1, commandId: expect.any(String) },
      { type: 'added', version: 2, commandId: expect.any(String) },
      { version: 2, state: { shown: 2 } },
    ])
  })
})

describe('entity fold - what others see', () => {
  const publishes = new Set(['events'] as const)
  const publicOf: EntityDefinition['publicOf'] = ({ type, data }) => {
    const { n } = data as { n: number }
    if (n === 13) throw new Error('no')
    if (n === 14) return () => {}
    if (n === 15) return { text: 'x'.repeat(70_000) }
    return type === 'added' && n < 10 ? { much: n > 5 } : undefined
  }

  test.each([
    ['with a view', () => ({})],
    ['without one', undefined],
  ])('E-PUBLIC-1 what public returns is answered and published (%s), and nothing else', (_what, view) => {
    fold = open({ definitions: new Map([['counter', { ...definition, publishes, view, publicOf }]]) })
    const answers = run(add(7), add(1), add(11), command('label', { label: 'hush' }))
    const shown = [
      { type: 'added', data: { much: true } },
      { type: 'added', data: { much: false } },
    ]
    expect(answers.flatMap((answer) => (answer.status === 'done' ? answer.events : []))).toEqual([
      ...shown,
      { type: 'added' },
      { type: 'labelled' },
    ])
    expect(published.map(({ data }) => data)).toEqual([
      { version: 1, commandId: expect.any(String), ...shown[0] },
      { version: 2, commandId: expect.any(String), ...shown[1] },
      { version: 3, commandId: expect.any(String), type: 'added' },
      { version: 4, commandId: expect.any(String), type: 'labelled' },
    ])
  })

  test('E-PUBLIC-1 a public that fails fails its command', () => {
    fold = open({ definitions: new Map([['counter', { ...definition, publishes, publicOf }]]) })
    const answers = run(add(13), add(14), add(15), add(1))
    const codes = ['handler_failed', 'handler_failed', 'state_too_large'].map(rejected)
    expect(answers).toMatchObject([...codes, done(1)])
    expect(published).toHaveLength(1)
  })
})

describe('entity fold - memory', () => {
  test('E-MEMORY-1 the least recently used go, but nothing that is not stored', () => {
    fold = open({ budget: 1 })
    run(add(1, { key: 'a' }), add(1, { key: 'b' }))
    expect(fold.needs([add(1, { key: 'a' })]).entities.size).toBe(0)
    fold.stored()
    run(add(1, { key: 'c' }))
    expect(fold.needs([add(1, { key: 'a' })]).entities.get('counter')).toEqual(['a'])
    expect(fold.needs([add(1, { key: 'c' })]).entities.size).toBe(0)
  })

  test('E-MEMORY-2 an answer is known from memory until it is stored and looked up again', () => {
    const first = add(1)
    run(first)
    expect(fold.needs([first]).ids).toEqual([])
    fold.stored()
    expect(fold.needs([first]).ids).toEqual([first.id])
  })
})
