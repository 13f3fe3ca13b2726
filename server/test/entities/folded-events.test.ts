import { beforeEach, describe, expect, test } from 'vitest'
import { type CommitOperation, type EventBody, OUTBOX_HASH } from '../../src/bus/index.ts'
import {
  beginOf,
  decodeRecord,
  decodeTrailEntry,
  EntityFold,
  type EntityFoldOptions,
  type EntityRecord,
  type FoldedEvent,
  foldTrail,
  newRecord,
} from '../../src/entities/index.ts'
import { withinTimeLimit } from '../../src/time-limit.ts'
import { command } from './counter.ts'
import { BAD, twinDefinition, twins } from './twin.ts'

let buried: { entity: string; topic: string; id: string; cause: string }[]
let published: { topic: string; isLatest: boolean }[]
let ids: number
let fold: EntityFold

function open(options: Partial<EntityFoldOptions> = {}): EntityFold {
  return new EntityFold({
    definitions: twins,
    epoch: 'e',
    now: () => 2_000,
    limited: withinTimeLimit,
    incident: () => 'incident',
    publish: (topic, _event, isLatest) => published.push({ topic, isLatest }),
    bury: (entity, topic, { id }, cause) => buried.push({ entity, topic, id, cause }),
    ...options,
  })
}

beforeEach(() => {
  ;[buried, published, ids] = [[], [], 0]
  fold = open()
})

function reading(celsius: number, changes: Partial<EventBody> = {}, topic = 'sensor.reading'): FoldedEvent {
  const id = `r${ids++}`
  const event = { id, key: 'a', time: 500, data: { sensorId: 'a', celsius }, ...changes }
  return { definition: twinDefinition, topic, event, storedAt: 1_000 + ids }
}
const hot = (changes?: Partial<EventBody>) => reading(99, changes, 'sensor.hot')

/** Folds events of entities of which nothing is stored, or what was folded before. */
function run(...events: FoldedEvent[]): CommitOperation[] {
  const subjects = events.map(({ event }) => ({ entity: 'twin', key: event.key }))
  for (const [name, keys] of fold.needsOf(subjects)) for (const key of keys) fold.loaded(name, key)
  for (const event of fold.foldEvents(events)) fold.foldEvents([event])
  return fold.takeOperations()
}

function pushOf(operations: readonly CommitOperation[]) {
  const pushes = operations.filter((operation) => operation.op === 'push')
  expect(pushes.length).toBeLessThan(2)
  return pushes[0]!
}
const trailOf = (operations: readonly CommitOperation[]) => pushOf(operations).items.map(decodeTrailEntry)

function recordOf(operations: readonly CommitOperation[]): EntityRecord {
  const set = operations.find(({ op }) => op === 'set')
  if (set?.op !== 'set') throw new Error('no state')
  expect(set.fields).toHaveLength(1)
  return decodeRecord(set.fields[0]![1])
}

/** Ids of the commands that follow. */
function reactionsIn(operations: readonly CommitOperation[]): string[] {
  const [outbox] = operations.filter((operation) => operation.op === 'set' && operation.hash === OUTBOX_HASH)
  if (outbox?.op !== 'set') throw new Error('nothing follows')
  return outbox.fields.map(([, text]) => (JSON.parse(text) as { id: string }).id)
}

describe('entity fold - events of topics', () => {
  test('E-ON-1 each is decided upon what those before it have left, commands among them', () => {
    run(reading(20), reading(22))
    const reset = command('reset', {}, { entity: 'twin' })
    fold.needs([reset])
    fold.fold([reset])
    const operations = run(reading(5), hot())
    expect(trailOf(operations).map(({ type, data }) => [type, data])).toMatchObject([
      ['measured', { celsius: -42 }],
      ['measured', { celsius: 5 }],
      ['alarmed', {}],
    ])
    expect(recordOf(operations)).toMatchObject({ version: 5, state: { sum: 5, alarms: 1 } })
  })

  test.each(Object.entries(BAD))('E-ON-2 one that fails (%s) is a dead letter, and counts alone', (_how, celsius) => {
    const bad = reading(celsius)
    const operations = run(reading(1), bad, reading(2), reading(3, { key: 'a' }))
    expect(recordOf(operations)).toMatchObject({ version: 3, state: { sum: 6 } })
    const { id } = bad.event
    expect(buried).toEqual([{ entity: 'twin', topic: 'sensor.reading', id, cause: expect.any(String) }])
  })

  test('E-ON-2 events of an entity whose trail cannot be folded are dead letters', () => {
    fold.needsOf([{ entity: 'twin', key: 'a' }])
    fold.loaded('twin', 'a', { kind: 'broken', error: new Error('no such event'), record: newRecord(twinDefinition) })
    fold.loaded('twin', 'b')
    fold.foldEvents([reading(1), reading(2, { key: 'b' })])
    expect(recordOf(fold.takeOperations())).toMatchObject({ state: { sum: 2 } })
    expect(buried).toMatchObject([{ id: 'r0', cause: 'no such event' }])
  })

  test('E-ON-3 its ids follow from what the event is, wherever it lies', () => {
    const event = hot({ id: 'same' })
    const [one] = trailOf(run(event))
    fold = open()
    const [again] = trailOf(run({ ...event, storedAt: 9_000 }))
    expect(again!.commandId).toBe(one!.commandId)
    expect(again!.data).toEqual({ ...(one!.data as object), now: 9_000 })
    expect(one).toMatchObject({ time: event.storedAt, data: { now: event.storedAt } })
    const others = [
      hot({ id: 'other' }),
      hot({ id: 'same', key: 'b' }),
      hot({ id: 'same', time: 501 }),
      hot({ id: 'same', data: {} }),
    ].map((other) => trailOf(run(other))[0]!.commandId)
    expect(new Set([one!.commandId, ...others]).size).toBe(5)
  })

  test('E-ON-1 E-THEN-2 an event that was stored twice is decided upon twice, and each decision has its own reactions', () => {
    const reset = { entity: 'twin', key: 'b', command: 'reset', input: {} }
    // biome-ignore lint/suspicious/noThenProperty: an option, and no function
    const definition = { ...twinDefinition, then: new Map([['alarmed', () => [reset, reset]]]) }
    const stored = (): string[] => {
      fold = open({ definitions: new Map([['twin', definition]]) })
      const event = { ...hot({ id: 'same' }), definition }
      const operations = run(event, { ...event, storedAt: event.storedAt + 1 })
      const entries = trailOf(operations)
      expect(entries.map(({ type }) => type)).toEqual(['alarmed', 'alarmed'])
      expect(entries[0]!.commandId).toBe(entries[1]!.commandId)
      return reactionsIn(operations)
    }
    const ids = stored()
    expect(new Set(ids).size).toBe(4)
    expect(stored()).toEqual(ids)
  })

  test('E-ON-4 what was changed often is written once', () => {
    const publishes = new Set(['state', 'events'] as const)
    const definition = { ...twinDefinition, publishes }
    fold = open({ definitions: new Map([['twin', definition]]) })
    const operations = run(...Array.from({ length: 200 }, (_, i) => ({ ...reading(i), definition })))
    expect(operations.map(({ op }) => op).sort()).toEqual(['push', 'set'])
    expect(published.filter(({ topic }) => topic === 'twin.state')).toEqual([{ topic: 'twin.state', isLatest: true }])
    expect(published.filter(({ topic }) => topic === 'twin.events')).toHaveLength(200)
  })

  test('E-ON-4 events alone keep nobody waiting for an answer', () => {
    fold.needsOf([{ entity: 'twin', key: 'a' }])
    fold.loaded('twin', 'a')
    fold.foldEvents([reading(1)])
    expect([fold.isDirty, fold.hasAnswers]).toEqual([true, false])
  })
})

describe('entity fold - histories', () => {
  /** What a list holds after some commits, and the newest record. */
  function commits(...parts: FoldedEvent[][]): { trail: string[]; record: EntityRecord } {
    let trail: string[] = []
    let record: EntityRecord | undefined
    for (const part of parts) {
      const operations = run(...part)
      const { base, items, dropped = 0 } = pushOf(operations)
      expect(base).toBe(trail.length)
      trail = [...trail, ...items].slice(dropped)
      record = recordOf(operations)
      expect(record.version - (record.base?.version ?? 0)).toBe(trail.length)
      const {
        base: _base,
        next: _next,
        ...folded
      } = foldTrail(twinDefinition, 'a', trail.map(decodeTrailEntry), beginOf(twinDefinition, record))
      const { base: _storedBase, next: _storedNext, ...stored } = record
      expect(folded).toEqual(stored)
    }
    return { trail, record: record! }
  }

  test('E-ON-5 by number of events, the trail holds at least one history and less than two', () => {
    for (let n = 1; n <= 20; n += 3) {
      fold = open()
      const { trail } = commits(...Array.from({ length: n }, (_, i) => [reading(i)]))
      expect(trail.length).toBeGreaterThanOrEqual(Math.min(n, 4))
      expect(trail.length).toBeLessThan(8)
    }
  })

  test('E-ON-5 by age, it holds every event that is not older than one history', () => {
    const definition = { ...twinDefinition, history: { kind: 'age', ms: 100 } as const }
    fold = open({ definitions: new Map([['twin', definition]]) })
    const at = (storedAt: number) => ({ ...reading(1), definition, storedAt })
    const times = Array.from({ length: 60 }, (_, i) => 10_000 + i * 17)
    const { trail } = commits(...times.map((time) => [at(time)]))
    const oldest = decodeTrailEntry(trail[0]!).time
    expect(times.at(-1)! - oldest).toBeGreaterThanOrEqual(100)
    expect(times.at(-1)! - oldest).toBeLessThan(3 * 100)
  })

  test('E-ON-5 a later definition folds on what migrate makes of the checkpoint', () => {
    const { trail, record } = commits(...Array.from({ length: 11 }, (_, i) => [reading(i)]))
    const migrate = (state: object, from: number) => ({ ...state, alarms: from * 100 })
    const later = { ...twinDefinition, version: 2, migrate }
    const folded = foldTrail(later, 'a', trail.map(decodeTrailEntry), beginOf(later, record))
    expect(folded).toMatchObject({ version: 11, definition: 2, state: { sum: 55, alarms: 100 } })
    expect(folded.base).toMatchObject({ version: record.base!.version, state: { alarms: 100 } })
    expect(() => beginOf({ ...later, migrate: () => undefined }, record)).toThrow('migrate of twin returned no state')
  })
})
