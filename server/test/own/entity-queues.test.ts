import { expect, test } from 'vitest'
import { decodeEvents, encodeEvent, type LogEntry, RecordBatchBuilder } from '../../src/bus/index.ts'
import { type Command, type CommandOutcome, EntityFold, MAX_CHUNK, type Subject } from '../../src/entities/index.ts'
import { Pipeline } from '../../src/fold/index.ts'
import { defineConfig } from '../../src/index.ts'
import { CommandQueue } from '../../src/own/command-queue.ts'
import { EventQueue } from '../../src/own/event-queue.ts'
import { command } from '../entities/counter.ts'
import { hot, reading, twin, twinDefinition, twins } from '../entities/twin.ts'

const pipeline = new Pipeline(defineConfig({ topics: [reading, hot], entities: [twin] }).contract)
const done: CommandOutcome = { status: 'done', version: 9, epoch: 'e', events: [] }

/** Everything that is loaded is new, but one command has an answer. */
class Loader {
  loads = 0
  answered: Command | undefined

  async load(fold: EntityFold, commands: readonly Command[]): Promise<void> {
    const { entities, ids } = fold.needs(commands)
    this.#take(fold, entities)
    const { answered } = this
    if (answered !== undefined && ids.includes(answered.id)) {
      fold.answered(answered.id, { tag: answered.checksum, outcome: done })
    }
  }

  async loadEntities(fold: EntityFold, subjects: readonly Subject[]): Promise<void> {
    this.#take(fold, fold.needsOf(subjects))
  }

  #take(fold: EntityFold, entities: ReadonlyMap<string, readonly string[]>): void {
    this.loads++
    for (const [name, keys] of entities) for (const key of keys) fold.loaded(name, key)
  }
}

function entryOf(topic: string, events: readonly { id: string; key: string; data: object }[]): LogEntry {
  const builder = new RecordBatchBuilder()
  builder.addSlice(
    events.map(({ id, key, data }) => ({
      ...{ key, lane: 'normal' as const, time: 1_000 },
      json: encodeEvent(id, key, 1_000, undefined, JSON.stringify(data)),
    })),
  )
  return { topic, streamId: '1000-0', epoch: 'e', ...builder.build(), refused: undefined, watermark: undefined }
}

function open(): EntityFold {
  return new EntityFold({
    ...{ definitions: twins, epoch: 'e', now: () => 2_000, budget: 1, incident: () => 'i' },
    limited: (body) => {
      body()
      return true
    },
    publish: () => {},
    bury: () => {},
  })
}

test('W-ENTITY-1 queues - what a look for one queue made forgotten is loaded again for the other', async () => {
  const fold = open()
  const loader = new Loader()
  const commands = new CommandQueue(loader, () => {})
  const events = new EventQueue(loader, pipeline, () => {})
  const sent = Array.from({ length: MAX_CHUNK + 2 }, (_, i) => command('reset', {}, { entity: 'twin', key: `c${i}` }))
  loader.answered = sent.at(-1)!
  commands.add(
    entryOf(
      '~commands',
      sent.map(({ id, key, ...data }) => ({ id, key, data })),
    ),
    undefined,
  )
  const readings = ['r1', 'r2'].map((key) => ({ id: key, key, data: { sensorId: key, celsius: 1 } }))
  events.add([entryOf('sensor.reading', readings)])

  await commands.load(fold)
  await events.load(fold)
  await commands.load(fold)
  commands.drop(fold.fold(commands.peek().map((placed) => placed.command)))
  await events.load(fold)
  const batch = events.peek()!
  fold.foldEvents(
    batch.events.map((event) => ({ definition: twinDefinition, topic: batch.topic, event, storedAt: 1_000 })),
  )
  events.shift()
  fold.takeOperations()
  fold.stored()
  await commands.load(fold)
  commands.drop(fold.fold(commands.peek().map((placed) => placed.command)))
  const outcomes = fold
    .takeOperations()
    .flatMap((operation) => (operation.op === 'append' ? decodeEvents(operation.payload) : []))
  expect(outcomes.map(({ data }) => data)).toMatchObject([{ status: 'done', version: 1 }, done])
  expect([commands.isEmpty, events.isEmpty]).toEqual([true, true])
})

test('W-COMMAND-4 queues - what commands need is loaded ahead once, and again where Redis did not answer or another look came between', async () => {
  const fold = open()
  const loader = new Loader()
  const sent = [command('reset', {}, { entity: 'twin', key: 'c' })]
  const entry = entryOf(
    '~commands',
    sent.map(({ id, key, ...data }) => ({ id, key, data })),
  )
  const queueOf = (load: Loader['load']) => {
    const queue = new CommandQueue({ load }, () => {})
    queue.add(entry, undefined)
    return queue
  }
  const ahead = queueOf((...args) => loader.load(...args))
  ahead.loadAhead(fold)
  ahead.loadAhead(fold)
  await ahead.load(fold)
  expect([loader.loads, ahead.peek().length]).toEqual([1, 1])
  fold.needs([])
  await ahead.load(fold)
  expect(loader.loads).toBe(2)

  let isAway = true
  const failing = queueOf(async (...args) => {
    if (isAway) throw new Error('no answer')
    await loader.load(...args)
  })
  failing.loadAhead(fold)
  await failing.settled()
  isAway = false
  expect(failing.peek()).toEqual([])
  await failing.load(fold)
  expect([loader.loads, failing.peek().length]).toEqual([3, 1])
})
