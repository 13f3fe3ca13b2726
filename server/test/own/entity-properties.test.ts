import { randomInt } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { entityHash, indexSet, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { decodeRecord } from '../../src/entities/index.ts'
import { defineConfig } from '../../src/index.ts'
import { answerQuery, Queries } from '../../src/queries/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { counter, definition } from '../entities/counter.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { CounterModel, modelled, modelledOutcome } from './entity-model.ts'

const PARTITIONS = 4
const KEYS = 8
const ROUNDS = 9
const FRESH = 40
const REPEATED = 12
const LABELS = ['red', 'green', 'blue']
const { contract } = defineConfig({ topics: [], entities: [counter] })
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
const seed = randomInt(1_000_000)
let deployment: EntityDeployment
let worker: RunningWorker
let started = 0

beforeEach(() => {
  deployment = new EntityDeployment(opened.bus)
})
afterEach(() => worker.close({ deadlineMs: 2_000 }))

async function startOne(): Promise<void> {
  const settings = { redisUrl: server.url, partitions: PARTITIONS, log: () => {} }
  worker = await startWorker({ ...settings, workerId: `w-${started++}` }, contract)
}

describe(`entities, whatever happens (seed ${seed})`, () => {
  test('E-RUN-1 E-ANSWER-1 E-STORE-1 E-STORE-2 E-STORE-3 Q-ENTITY-2 each command has the one outcome that follows from the log, and so has everything stored and asked', async () => {
    const random = randomOf(seed)
    const model = new CounterModel()
    const sent: SentCommand[] = []
    let conflicts = 0
    await startOne()
    for (let round = 0; round < ROUNDS; round++) {
      const fresh = Array.from({ length: FRESH }, (_, n) => commandOf(`c-${round}-${n}`, random, model))
      const repeated = sent.length === 0 ? [] : Array.from({ length: REPEATED }, () => sent[random(sent.length)]!)
      const [first] = repeated
      // Another command under a known id.
      const other = first === undefined ? [] : [{ ...first, command: 'label', input: { label: `not-${round}` } }]
      conflicts += other.length
      const batch = [...fresh, ...repeated, ...other]
      for (const command of batch) model.take(command)
      sent.push(...fresh)
      await deployment.send(batch)
      if (round % 3 === 0) {
        // Without a last commit: what was under way is in doubt.
        void worker.close({ deadlineMs: 0 })
        await startOne()
      } else if (round % 3 === 1) {
        await worker.close({ deadlineMs: 2_000 })
        for (const key of model.keys) if (random(2) === 0) await makeOld(key)
        await startOne()
      }
    }
    const answers = await deployment.answered(sent.map(({ id }) => id))
    const found = [...answers].flatMap(([id, outcomes]) => outcomes.map((outcome) => ({ id, outcome })))
    const isConflict = ({ outcome }: (typeof found)[number]) =>
      outcome.status === 'rejected' && outcome.code === 'conflict'
    expect(found.filter(isConflict)).toHaveLength(conflicts)
    const firsts = new Map<string, unknown>()
    for (const { id, outcome } of found.filter((one) => !isConflict(one))) {
      expect([id, modelledOutcome(outcome)]).toEqual([id, model.outcomes.get(id)])
      expect(outcome).toEqual(firsts.get(id) ?? outcome)
      firsts.set(id, outcome)
    }
    for (const key of model.keys) await expectAsModelled(model, key)
    await expectIndexed(model)
  }, 60_000)
})

/** A random command; some expect a version, which some of them meet. */
function commandOf(id: string, random: (below: number) => number, model: CounterModel): SentCommand {
  const key = `k-${random(KEYS)}`
  const which = random(10)
  const version = model.of(key).events.length + random(3)
  const expected = random(5) === 0 ? { expected: { version } } : {}
  const base = { id, key, entity: 'counter', ...expected }
  if (which < 5) return { ...base, command: 'add', input: { n: random(60), times: random(4) } }
  if (which < 7) return { ...base, command: 'label', input: { label: LABELS[random(LABELS.length)] } }
  if (which === 7) return { ...base, command: 'fail', input: { how: 'throws' } }
  if (which === 8) return { ...base, command: 'add', input: { n: 'x' } }
  return { ...base, command: 'status', input: {} }
}

/** Its state is of an earlier definition, which folded something else. */
async function makeOld(key: string): Promise<void> {
  const hash = keys.owned(partitionOf(key, PARTITIONS), entityHash('counter'))
  const text = await redis.hget(hash, key)
  if (text === null) return
  const record = JSON.parse(text) as { s: object }
  await redis.hset(hash, key, JSON.stringify({ ...record, d: definition.version - 1, s: { n: -1, label: 'old' } }))
}

async function expectAsModelled(model: CounterModel, key: string): Promise<void> {
  const trail = await deployment.trail('counter', key)
  const { events } = model.of(key)
  expect([key, modelled(trail)]).toEqual([key, events])
  const { stored, folded } = await deployment.states(definition, key)
  if (stored.definition === definition.version) expect(stored).toEqual(folded)
  expect(folded).toMatchObject({ version: events.length, state: model.view(key, events.length) })
  const queries = new Queries(opened.bus, contract, () => 'none').of(Rights.EVERYTHING)
  const ask = (moment: object) => answerQuery(queries, 'entity', { name: 'counter', key, ...moment })
  for (let version = 1; version <= events.length; version += 5) {
    expect(await ask({ version })).toMatchObject({ data: { version, view: model.view(key, version) } })
    const { time: at } = trail[version - 1]!
    const last = trail.filter(({ time }) => time <= at).length
    expect(await ask({ at })).toMatchObject({ data: { version: last, view: model.view(key, last) } })
  }
}

/** The indexes hold what a scan of the entities gives. */
async function expectIndexed(model: CounterModel): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { entities } = await opened.bus.entities(partition, 'query').scan('counter', '0', 1_000)
    const scanned = entities.map(({ key, record }) => [key, decodeRecord(record).indexed.label] as const)
    const expected = model.keys
      .filter((key) => partitionOf(key, PARTITIONS) === partition)
      .map((key) => [key, model.view(key, Number.POSITIVE_INFINITY).label] as const)
      .filter(([, label]) => label !== '')
    const members = expected.map(([key, label]) => `${label}\0${key}`).sort()
    expect(await redis.zrange(keys.owned(partition, indexSet('counter', 'label')), '0', '-1')).toEqual(members)
    expect(new Map(scanned.filter(([, label]) => label !== undefined))).toEqual(new Map(expected))
  }
}

function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}
