import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ANYBODY } from '../../src/access/index.ts'
import { openTopology } from '../../src/bus/contract/topology.ts'
import {
  ANSWERS_TOPIC,
  type Bus,
  COMMANDS_TOPIC,
  decodeEvents,
  encodeEvent,
  type Log,
  partitionOf,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { systemClock } from '../../src/clock.ts'
import type { CommandsOptions } from '../../src/commands/commands.ts'
import { type CommandRequest, Commands, readOutcome } from '../../src/commands/index.ts'
import { MAX_PENDING_PER_KEY } from '../../src/commands/pending-commands.ts'
import type { CommandBody, CommandOutcome } from '../../src/entities/index.ts'
import { Ingest } from '../../src/ingest/index.ts'
import { DEFAULT_SETTINGS, Limits } from '../../src/limits/index.ts'
import { openTestBus } from '../support/bus.ts'
import { entityContract as contract } from '../support/entity-contract.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { accept, type Decide, StandInOwner } from '../support/stand-in-owner.ts'

const PARTITIONS = 4
let server: TestRedis
let redis: Redis
let bus: Bus
let closing: (() => Promise<void> | void)[] = []

beforeAll(async () => {
  server = await startTestRedis()
  redis = openCommandConnection(server.url, 'test')
  await untilReady(redis, 5_000)
})
afterAll(async () => {
  redis.disconnect()
  await server.close()
})
beforeEach(async () => {
  await redis.flushall()
  await openTopology(() => redis, PARTITIONS)
  bus = await openTestBus(server.url, PARTITIONS)
  closing = [() => bus.close()]
})
afterEach(async () => {
  for (const close of closing.reverse()) await close()
})

interface Sender {
  readonly commands: Commands
  readonly ingest: Ingest
  send(changes?: Partial<CommandRequest>): Promise<CommandOutcome>
}

/** The command side of a gateway with a name. */
async function startSender(
  node = 'gw-1',
  changes: Partial<{ isFull: () => boolean }> = {},
  replicas: Partial<Pick<CommandsOptions, 'bus' | 'replicas' | 'limits'>> = {},
): Promise<Sender> {
  const report = () => 'd3f3c7'
  const clock = systemClock
  const ingest = new Ingest({ bus, contract, clock, report, known: () => [], ...changes })
  const commands = new Commands({
    ...{ bus, contract, ingest, clock, report, node },
    overloadedMs: () => undefined,
    onAnswer: () => {},
    ...replicas,
  })
  closing.push(() => commands.close())
  await commands.start()
  const base = {
    caller: ANYBODY,
    id: 'c-1',
    entity: 'user',
    key: '42',
    command: 'changeEmail',
    input: { email: 'ann@example.org' },
  }
  return {
    commands,
    ingest,
    send: (changes) =>
      new Promise((resolve) => {
        commands.send({ ...base, ...changes }, (outcome) => resolve(readOutcome(outcome)))
      }),
  }
}

function startOwner(decide?: Decide): StandInOwner {
  const owner = new StandInOwner(bus, decide)
  closing.push(() => owner.close())
  return owner
}

async function storedCommands() {
  const logs = Array.from({ length: PARTITIONS }, (_, p) => bus.log(p, 'query').range(COMMANDS_TOPIC, '-', '+', 5_000))
  return (await Promise.all(logs)).flat().flatMap(({ payload }) => decodeEvents(payload))
}

const codeOf = (outcome: CommandOutcome) => (outcome.status === 'done' ? 'done' : outcome.code)

/** Breaks the connections of tails, again and again, until the action is over. */
async function withoutTails(action: () => Promise<void>): Promise<void> {
  let isOver = false
  const breaking = (async () => {
    while (!isOver) {
      const list = (await redis.client('LIST')) as string
      for (const line of list.split('\n').filter((client) => client.includes('name=tidegate-answers-'))) {
        await redis.client('KILL', 'ID', /id=(\d+)/.exec(line)![1]!).catch(() => {})
      }
    }
  })()
  await action()
  isOver = true
  await breaking
}

describe('a command', () => {
  it('CMD-STORE-1 is stored as one event of its entity, as it was sent, and answered with what its owner made of it', async () => {
    startOwner()
    const { send } = await startSender()
    const expected = { version: 3, epoch: 'k2x9' }
    const outcome = await send({ input: { note: ['ё', 1.5] }, expected, ageMs: 7, deadlineMs: 2_000 })
    expect(outcome).toEqual({
      status: 'done',
      version: 1,
      epoch: '1',
      events: [{ type: 'accepted', data: { note: ['ё', 1.5] } }],
    })
    const [event, ...others] = await storedCommands()
    expect(others).toEqual([])
    expect(event).toMatchObject({ id: 'c-1', key: '42' })
    const { checksum, ...body } = event!.data as CommandBody
    expect(body).toEqual({
      ...{ node: 'gw-1', entity: 'user', command: 'changeEmail', input: { note: ['ё', 1.5] } },
      ...{ expected, ageMs: 7, waitMs: 62_000 },
    })
    expect(checksum).toMatch(/^[\da-z]+-[\da-z]+$/)
  })

  it.each([
    ['an unknown entity', { entity: 'nobody' }, 'unknown_entity'],
    ['a name that every object has', { entity: 'constructor' }, 'unknown_entity'],
    ['an unknown command', { command: 'fly' }, 'unknown_command'],
    ['a command of operators', { command: '~erase', input: {} }, 'unknown_command'],
    ['another one', { command: '~import', input: { lines: [] } }, 'unknown_command'],
    ['no key', { key: '' }, 'key_too_long'],
    ['a key of 10 KB', { key: 'k'.repeat(10_240) }, 'key_too_long'],
    ['an input that is null', { input: null }, 'invalid_input'],
    ['no input', { input: undefined }, 'invalid_input'],
    ['an array', { input: [] }, 'invalid_input'],
    ['a number', { input: 7 }, 'invalid_input'],
    ['an input that does not fit the schema', { input: { email: 7 } }, 'invalid_input'],
    ['an input of more than 32 KiB', { input: { email: 'ё'.repeat(16_380) } }, 'invalid_input'],
    ['an input that nests 100,000 deep', { input: { note: nested(100_000) } }, 'invalid_input'],
  ])('CMD-CHECK-1 CMD-CHECK-5 with %s is refused at once, and nothing is stored', async (_, changes, code) => {
    const { send, commands } = await startSender()
    expect(codeOf(await send(changes as Partial<CommandRequest>))).toBe(code)
    expect([commands.pending, await storedCommands()]).toEqual([0, []])
  })

  it('CMD-CHECK-4 that is for reactions alone is none that a client could send', async () => {
    const { send } = await startSender()
    expect(codeOf(await send({ command: 'settle', input: {} }))).toBe('unknown_command')
    expect(await storedCommands()).toEqual([])
  })

  it('CMD-CHECK-1 names the field that does not fit, and takes an input of 32 KiB', async () => {
    startOwner()
    const { send } = await startSender()
    expect(await send({ input: { email: 7 } })).toMatchObject({ code: 'invalid_input', path: 'email' })
    const email = 'a'.repeat(32_768 - '{"email":""}'.length)
    expect(codeOf(await send({ input: { email } }))).toBe('done')
    expect(codeOf(await send({ id: 'c-2', input: { email: `${email}a` } }))).toBe('invalid_input')
  })

  it('CMD-PENDING-5 that there is no room for is refused before its input is looked at, one that nobody may send as such', async () => {
    const { send } = await startSender()
    const waiting = Array.from({ length: MAX_PENDING_PER_KEY }, (_, i) => send({ id: `c-${i}` }))
    const sent = async (changes: Partial<CommandRequest>) => codeOf(await send({ input: 'no object', ...changes }))
    expect(await sent({ id: 'more' })).toBe('overloaded')
    expect(await sent({ id: 'more', command: 'fly' })).toBe('unknown_command')
    expect([await sent({ id: 'c-1' }), await sent({ id: 'other', key: '43' })]).toEqual([
      'invalid_input',
      'invalid_input',
    ])
    void waiting
  })

  it('CMD-CHECK-3 whose schema throws is answered with the id of a defect, and no word of the cause', async () => {
    const { send } = await startSender()
    const outcome = await send({ command: 'broken', input: {} })
    expect(outcome).toMatchObject({ status: 'rejected', code: 'internal' })
    expect(JSON.stringify(outcome)).toContain('d3f3c7')
    expect(JSON.stringify(outcome)).not.toContain('secret')
  })

  it('CMD-STORE-2 that cannot be stored is refused with when to try again, and a retry is a first attempt', async () => {
    let isFull = true
    startOwner()
    const { send, commands } = await startSender('gw-1', { isFull: () => isFull })
    expect(await send()).toMatchObject({ code: 'storage_full', retryAfterMs: expect.any(Number) })
    expect(commands.pending).toBe(0)
    isFull = false
    expect(codeOf(await send())).toBe('done')
  })
})

describe('the same command again', () => {
  it('CMD-PENDING-1 joins the pending one: it is stored once, and each attempt has the outcome', async () => {
    const owner = startOwner()
    owner.paused = true
    const { send } = await startSender()
    const attempts = [send(), send(), send({ ageMs: 10 })]
    expect(codeOf(await send({ input: { email: 'other' } }))).toBe('conflict')
    expect(codeOf(await send({ expected: { version: 1 } }))).toBe('conflict')
    owner.paused = false
    expect(new Set((await Promise.all(attempts)).map((outcome) => JSON.stringify(outcome))).size).toBe(1)
    expect(await storedCommands()).toHaveLength(1)
  })

  it('CMD-ANSWER-1 through two gateways is run once and answered by both', async () => {
    const owner = startOwner()
    owner.paused = true
    const [one, other] = [await startSender('gw-1'), await startSender('gw-2')]
    const attempts = [one.send(), other.send()]
    await expect.poll(storedCommands).toHaveLength(2)
    owner.paused = false
    const [first, second] = await Promise.all(attempts)
    expect(first).toMatchObject({ status: 'done', version: 1 })
    expect(second).toEqual(first)
    expect(owner.run).toEqual(['c-1'])
    // What one of them still waits for is none of the answers to the other.
    expect([one.commands.pending, other.commands.pending]).toEqual([0, 0])
  })

  it('CMD-PENDING-3 waits for the outcome of one whose deadline passed', async () => {
    const owner = startOwner()
    owner.paused = true
    const { send, commands } = await startSender()
    expect(await send({ deadlineMs: 100 })).toMatchObject({
      code: 'deadline_exceeded',
      retryAfterMs: expect.any(Number),
    })
    expect(await commands.outcome('user', '42', 'c-1', ANYBODY)).toBe('pending')
    const again = send({ ageMs: 200 })
    owner.paused = false
    expect(codeOf(await again)).toBe('done')
    expect(await storedCommands()).toHaveLength(1)
    expect(codeOf((await commands.outcome('user', '42', 'c-1', ANYBODY)) as CommandOutcome)).toBe('done')
    expect(await commands.outcome('user', '42', 'c-9', ANYBODY)).toBeUndefined()
    expect(await commands.outcome('nobody', '42', 'c-1', ANYBODY)).toBeUndefined()
  })
})

describe('an owner that lags', () => {
  it('CMD-LAG-1 gets no more commands of its partition for now; retries join, and other partitions accept theirs', async () => {
    const owner = startOwner((command, run) => (command.id === 'waits' ? undefined : accept(command, run)))
    const { send } = await startSender()
    const other = ['a', 'b', 'c', 'd', 'e'].find(
      (key) => partitionOf(key, PARTITIONS) !== partitionOf('42', PARTITIONS),
    )!
    const waiting = send({ id: 'waits' })
    owner.lagMs = 1_000
    expect(codeOf(await send({ id: 'c-1' }))).toBe('done')
    const refused = await send({ id: 'c-2' })
    expect(refused).toMatchObject({ code: 'overloaded', retryAfterMs: expect.any(Number) })
    const joined = send({ id: 'waits', deadlineMs: 300 })
    owner.lagMs = 200
    expect(codeOf(await send({ id: 'c-3', key: other }))).toBe('done')
    expect(codeOf(await send({ id: 'c-4', key: other }))).toBe('done')
    expect(codeOf(await joined)).toBe('deadline_exceeded')
    // Nothing is said any more.
    await expect.poll(async () => codeOf(await send({ id: 'c-2' }))).toBe('done')
    expect((await storedCommands()).map(({ id }) => id).sort()).toEqual(['c-1', 'c-2', 'c-3', 'c-4', 'waits'])
    void waiting
  })
})

describe('answers', () => {
  it('CMD-ANSWER-2 of a batch for other gateways are not parsed, and others of it are', async () => {
    const { send } = await startSender()
    const outcome = send()
    await expect.poll(storedCommands).toHaveLength(1)
    const answer = (key: string, json: string) => ({ key, lane: 'high' as const, time: 1, json })
    const mine = encodeEvent('c-1', 'gw-1', 1, undefined, '{"status":"done","version":1,"epoch":"1","events":[]}')
    const partition = partitionOf('42', PARTITIONS)
    for (const events of [[answer('gw-2', 'not JSON')], [answer('gw-10', 'ё not JSON'), answer('gw-1', mine)]]) {
      const builder = new RecordBatchBuilder()
      builder.addSlice(events)
      const { header, payload } = builder.build()
      const { epoch } = await bus.log(partition, 'query').version()
      await redis.xadd(keys.log(partition, ANSWERS_TOPIC), '*', 'e', epoch, 'h', header, 'd', payload)
    }
    expect(codeOf(await outcome)).toBe('done')
  })

  it('CMD-ANSWER-3 that came while tails had no connection, and that they pass over, reach all of 1,000 pending commands', async () => {
    const owner = startOwner()
    owner.paused = true
    const { send, commands } = await startSender()
    const ids = Array.from({ length: 1_000 }, (_, i) => `c-${i}`)
    const outcomes = ids.map((id, i) => send({ id, key: `k-${i % 40}`, input: { email: id }, deadlineMs: 60_000 }))
    await expect.poll(storedCommands, { timeout: 10_000 }).toHaveLength(1_000)
    await withoutTails(async () => {
      owner.paused = false
      while (owner.run.length < 1_000) await sleep(5)
      await owner.close()
      // Behind everything: where a tail goes on it finds nothing of it.
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const head = (await bus.log(partition, 'query').heads([ANSWERS_TOPIC])).topics.get(ANSWERS_TOPIC)!
        await redis.hset(keys.meta(partition), `trim:${ANSWERS_TOPIC}`, head.lastId)
      }
    })
    const answered = await Promise.all(outcomes)
    const inputs = answered.map((outcome) => outcome.status === 'done' && outcome.events[0]!.data)
    expect(inputs).toEqual(ids.map((email) => ({ email })))
    expect(commands.pending).toBe(0)
  }, 30_000)

  it('CMD-ANSWER-12 that wait for replicas take no more room than there is: those beyond are looked up once it is there', async () => {
    const owner = startOwner()
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const member = (name: keyof Bus) => (typeof bus[name] === 'function' ? bus[name].bind(bus) : bus[name])
    const logOf: Bus['log'] = (partition, busClass) =>
      busClass === 'append' ? ({ replicated: () => arrived } as unknown as Log) : bus.log(partition, busClass)
    const withReplica = new Proxy(bus, {
      get: (_, name) => (name === 'log' ? logOf : member(name as keyof Bus)),
    })
    let refused = 0
    const limits = new Limits({
      // All commands, and the outcomes of some.
      settings: { ...DEFAULT_SETTINGS, of: { ...DEFAULT_SETTINGS.of, gateway: { commandBytes: 250_000 } } },
      clock: systemClock,
      onRefused: () => refused++,
    })
    const { send, commands } = await startSender('gw-1', {}, { bus: withReplica, replicas: 1, limits })
    const ids = Array.from({ length: 120 }, (_, i) => `c-${i}`)
    const outcomes = ids.map((id, i) => send({ id, key: `k-${i % 10}`, input: { email: id }, deadlineMs: 60_000 }))
    await expect.poll(() => owner.run.length, { timeout: 10_000 }).toBe(120)
    await expect.poll(() => refused, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(commands.pending).toBe(120)
    arrive()
    const answered = await Promise.all(outcomes)
    expect(answered.map((outcome) => outcome.status === 'done' && outcome.events[0]!.data)).toEqual(
      ids.map((email) => ({ email })),
    )
    await expect.poll(() => limits.stats().commandBytes).toBe(0)
  })

  it('CMD-ANSWER-5 whose batch is no longer in the log are outcome_unknown', async () => {
    startOwner()
    const [one, other] = [await startSender('gw-1'), await startSender('gw-2')]
    await one.send()
    await redis.del(keys.log(partitionOf('42', PARTITIONS), ANSWERS_TOPIC))
    expect(await other.commands.outcome('user', '42', 'c-1', ANYBODY)).toMatchObject({
      code: 'outcome_unknown',
    })
  })

  it('CMD-ANSWER-4 will not come for what Redis lost: pending commands are told to come again, and are run then', async () => {
    const owner = startOwner()
    owner.paused = true
    const { send, commands, ingest } = await startSender()
    const lost = [send(), send({ id: 'c-2' })]
    await expect.poll(storedCommands).toHaveLength(2)
    await redis.flushall()
    await openTopology(() => redis, PARTITIONS)
    await ingest.canary(partitionOf('42', PARTITIONS))
    // In the gateway this is what `onNewEpoch` of the ingest calls.
    const { epoch } = await bus.log(partitionOf('42', PARTITIONS), 'query').version()
    commands.epochChanged({ partition: partitionOf('42', PARTITIONS), epoch })
    for (const outcome of lost) expect(await outcome).toMatchObject({ code: 'epoch_changed', retryAfterMs: 0 })
    owner.paused = false
    const again = [send({ ageMs: 50 }), send({ id: 'c-2', ageMs: 50 })]
    for (const outcome of again) expect(codeOf(await outcome)).toBe('done')
  })
})

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}
