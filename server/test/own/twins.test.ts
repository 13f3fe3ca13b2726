import { randomInt } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { DeadLetters, type LetterBatch } from '../../src/dead-letters/index.ts'
import { defineConfig } from '../../src/index.ts'
import { answerQuery, Queries } from '../../src/queries/index.ts'
import { BAD, hot, reading, twin, twinDefinition } from '../entities/twin.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { useWorkers } from '../support/use-workers.ts'

const PARTITIONS = 4
const { contract } = defineConfig({ topics: [reading, hot], entities: [twin] })
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
const workers = useWorkers(server.url, PARTITIONS, contract)
let deployment: EntityDeployment
let ids: number

beforeEach(() => {
  deployment = new EntityDeployment(opened.bus)
  ids = 0
})

const readingOf = (key: string, celsius: number) => ({ id: `r-${ids++}`, key, data: { sensorId: key, celsius } })
const resetOf = (key: string): SentCommand => ({
  ...{ id: `c-${ids++}`, key, entity: 'twin', command: 'reset', input: {} },
})

const versionOf = async (key: string) => (await deployment.states(twinDefinition, key)).stored.version
const reached = (key: string, version: number) =>
  until(async () => (await versionOf(key)) >= version, `${key} at ${version}`)

describe('twins in a worker', () => {
  test('E-ON-1 W-ENTITY-1 an entity folds a topic and a flow over it, beside commands', async () => {
    await workers.start()
    await deployment.publish('sensor.reading', [readingOf('a', 20), readingOf('a', 95), readingOf('b', 7)])
    await reached('a', 3)
    const reset = resetOf('a')
    await deployment.send([reset])
    await deployment.answered([reset.id])
    await deployment.publish('sensor.reading', [readingOf('a', 4)])
    await reached('a', 5)
    const { stored, folded } = await deployment.states(twinDefinition, 'a')
    expect(stored).toMatchObject({ version: 5, state: { sum: 4, alarms: 1 } })
    expect(folded.state).toEqual(stored.state)
  })

  test('E-ON-2 an event on which it fails is a dead letter with the cause', async () => {
    await workers.start()
    await deployment.publish('sensor.reading', [readingOf('a', 1), readingOf('a', BAD.throws), readingOf('a', 2)])
    await reached('a', 2)
    const dead = new DeadLetters({ bus: opened.bus, contract, onUnreadable: () => {} })
    const batches: LetterBatch[] = []
    for await (const batch of dead.batches()) batches.push(batch)
    const letters = batches.flatMap((batch) => batch.letters)
    expect(letters).toMatchObject([{ topic: 'twin/sensor.reading', cause: 'broken', event: { id: 'r-1', key: 'a' } }])
    expect(await dead.redrive(batches[0]!, letters)).toMatchObject({
      outcomes: [{ done: false, why: expect.stringContaining('publish it again under a new id') }],
      moved: [],
    })
  })

  test('W-LOST-3 an entity that has missed events is named in the log', async () => {
    await workers.start()
    await deployment.publish('sensor.reading', [readingOf('a', 1)])
    await reached('a', 1)
    await workers.running.at(-1)!.close({ deadlineMs: 2_000 })
    await deployment.publish('sensor.reading', [readingOf('a', 2)])
    const partition = partitionOf('a', PARTITIONS)
    const log = keys.log(partition, 'sensor.reading')
    const [[lost]] = (await redis.xrevrange(log, '+', '-', 'COUNT', 1)) as [[string, string[]]]
    await redis.del(log)
    await redis.hset(keys.meta(partition), 'trim:sensor.reading', lost)
    const logged: string[] = []
    await workers.start((line) => logged.push(line))
    const line = () => logged.find((text) => text.includes('retention removed entries of sensor.reading'))
    await until(async () => line() !== undefined, 'the log line')
    expect(line()).toMatch(/; missed for good by flows, entity twin$/)
  })

  test('Q-ENTITY-8 queries begin where the history begins that is kept', async () => {
    await workers.start()
    for (let part = 0; part < 3; part++) {
      const resets = Array.from({ length: 6 }, () => resetOf('a'))
      await deployment.send(resets)
      await deployment.answered(resets.map(({ id }) => id))
    }
    const queries = new Queries(opened.bus, contract, () => 'id').of(Rights.EVERYTHING)
    const ask = (name: string, params: object) => answerQuery(queries, name, { name: 'twin', key: 'a', ...params })
    const { base } = (await deployment.states(twinDefinition, 'a')).stored
    const { version } = base!
    expect([version > 5, version < 18]).toEqual([true, true])
    expect(await ask('entity', { version: version - 1 })).toMatchObject({ code: 'trimmed' })
    expect(await ask('entity', { at: base!.time - 1 })).toMatchObject({ code: 'trimmed' })
    for (const kept of [version, version + 1, 18]) {
      expect(await ask('entity', { version: kept })).toMatchObject({ data: { version: kept } })
    }
    const { data } = (await ask('entityHistory', {})) as unknown as { data: { version: number }[] }
    expect(data.map((event) => event.version)).toEqual(Array.from({ length: 18 - version }, (_, i) => version + i + 1))
  })

  test('E-ON-1 W-SUSPECT-1 an event that ended two owners is passed over, and its neighbours are folded', async () => {
    await deployment.publish('sensor.reading', [readingOf('a', 1), readingOf('a', 10), readingOf('a', 100)])
    const partition = partitionOf('a', PARTITIONS)
    const [entry] = await opened.bus.log(partition, 'query').range('sensor.reading', '-', '+', 1)
    await redis.hset(keys.meta(partition), { takes: 2, suspect: `sensor.reading ${entry!.streamId} 1 2` })
    await workers.start()
    await reached('a', 3)
    expect((await deployment.states(twinDefinition, 'a')).stored.state).toEqual({ sum: 101, alarms: 1 })
  })

  test('W-SUSPECT-1 so is one in a later batch of the first read', async () => {
    for (const celsius of [1, 10, 100]) await deployment.publish('sensor.reading', [readingOf('a', celsius)])
    const partition = partitionOf('a', PARTITIONS)
    const [, second] = await opened.bus.log(partition, 'query').range('sensor.reading', '-', '+', 3)
    await redis.hset(keys.meta(partition), { takes: 2, suspect: `sensor.reading ${second!.streamId} 0 2` })
    await workers.start()
    await reached('a', 3)
    expect((await deployment.states(twinDefinition, 'a')).stored.state).toEqual({ sum: 101, alarms: 1 })
    await until(async () => (await redis.hget(keys.meta(partition), 'takes')) === '0', 'nothing is suspicious any more')
  })

  test('E-ON-1 E-ON-5 whatever ends owners, each event is folded once, and what is kept gives the state', async () => {
    const seed = randomInt(1_000_000)
    console.log(`seed ${seed}`)
    let random = seed
    const next = (below: number) => {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((random / 2_147_483_648) * below)
    }
    const names = Array.from({ length: 8 }, (_, i) => `k-${i}`)
    const expected = new Map(names.map((name) => [name, { sum: 0, alarms: 0, version: 0 }]))
    await workers.start()
    for (let round = 0; round < 10; round++) {
      const events = Array.from({ length: 40 }, () => readingOf(names[next(names.length)]!, next(120)))
      for (const { key, data } of events) {
        const of = expected.get(key)!
        of.sum += data.celsius
        of.alarms += data.celsius > 90 ? 1 : 0
        of.version += data.celsius > 90 ? 2 : 1
      }
      await deployment.publish('sensor.reading', events)
      if (next(3) !== 0) continue
      // Without a last commit: what was under way is in doubt.
      void workers.running.at(-1)!.close({ deadlineMs: 0 })
      await workers.start()
    }
    for (const [name, { version, ...state }] of expected) {
      await reached(name, version)
      const { stored, folded } = await deployment.states(twinDefinition, name)
      expect(stored).toMatchObject({ version, state })
      expect(folded).toMatchObject({ version, state })
    }
  }, 60_000)
})
