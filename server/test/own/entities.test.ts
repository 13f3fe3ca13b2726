import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { ANSWERS_HASH, ANSWERS_PREVIOUS_HASH, ANSWERS_TOPIC, COMMANDS_TOPIC, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { type DeadLetter, DeadLetters } from '../../src/dead-letters/index.ts'
import { defineConfig } from '../../src/index.ts'
import { counter, definition, ENDLESS, endless, UNINDEXABLE } from '../entities/counter.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { useWorkers } from '../support/use-workers.ts'

const PARTITIONS = 4
const { contract } = defineConfig({ topics: [], entities: [counter] })
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
const workers = useWorkers(server.url, PARTITIONS, contract)
let deployment: EntityDeployment
const logged: string[] = []
const log = (line: string) => void logged.push(line)

beforeEach(() => {
  deployment = new EntityDeployment(opened.bus)
  logged.length = 0
  ids = 0
})

let ids = 0
const add = (key: string, n: number, changes: Partial<SentCommand> = {}): SentCommand => ({
  id: `c-${ids++}`,
  key,
  entity: 'counter',
  command: 'add',
  input: { n },
  ...changes,
})

describe('entities in a worker', () => {
  test('E-RUN-1 E-STORE-1 a command is run, stored and answered', async () => {
    await workers.start(log)
    const commands = [add('a', 1), add('a', 2), add('b', 5), add('a', 1_000)]
    await deployment.send(commands)
    const answers = await deployment.answered(commands.map(({ id }) => id))
    expect(commands.map(({ id }) => answers.get(id))).toMatchObject([
      [{ status: 'done', version: 1 }],
      [{ status: 'done', version: 2 }],
      [{ status: 'done', version: 1 }],
      [{ status: 'rejected', code: 'too_many', version: 2 }],
    ])
    const { stored, folded } = await deployment.states(definition, 'a')
    expect(stored).toEqual(folded)
    expect(stored).toMatchObject({ version: 2, state: { n: 3 } })
    expect((await deployment.trail('counter', 'a')).map(({ commandId }) => commandId)).toEqual(['c-0', 'c-1'])
  })

  test('W-LOOP-6 nothing is read again once all commands are answered', async () => {
    await workers.start(log)
    const commands = Array.from({ length: 20 }, (_, i) => add(`k-${i}`, 1))
    await deployment.send(commands)
    await deployment.answered(commands.map(({ id }) => id))
    const reads = async () => Number(/cmdstat_xread:calls=(\d+)/.exec(await redis.info('commandstats'))![1])
    const before = await reads()
    await sleep(500)
    expect((await reads()) - before).toBeLessThan(10 * PARTITIONS)
  })

  test('W-LOOP-7 commands that come in numbers are committed together', async () => {
    await workers.start(log)
    const commands = Array.from({ length: 150 }, () => add('a', 1))
    const commits = async () => (await opened.bus.ledger(partitionOf('a', PARTITIONS), 'query').head()).commitSeq
    const before = await commits()
    for (const command of commands) await deployment.send([command])
    await deployment.answered(commands.map(({ id }) => id))
    expect((await commits()) - before).toBeLessThan(commands.length / 2)
  })

  test('W-LOOP-8 between handlers that do not return, everything else goes on', async () => {
    await workers.start(log)
    const elsewhere = Array.from({ length: 100 }, (_, i) => `k-${i}`).find(
      (key) => partitionOf(key, PARTITIONS) !== partitionOf('a', PARTITIONS),
    )!
    const failing = Array.from({ length: 14 }, () => add('a', 0, { command: 'fail', input: { how: 'endless' } }))
    const beside = [add(elsewhere, 1), add('a', 1)]
    let [most, before] = [0, endless.begun]
    // Each of them takes longer than the interval: it comes whenever the event loop turns.
    const turning = setInterval(() => {
      most = Math.max(most, endless.begun - before)
      before = endless.begun
    }, 10)
    await deployment.send([...failing, ...beside])
    const answers = await deployment.answered([...failing, ...beside].map(({ id }) => id))
    clearInterval(turning)
    expect(answers.get(failing[7]!.id)).toMatchObject([{ code: 'handler_failed' }])
    expect(beside.map(({ id }) => answers.get(id))).toMatchObject([[{ status: 'done' }], [{ status: 'done' }]])
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThan(failing.length / 2)
  })

  test('E-ANSWER-1 the same command again has the first answer, also from another owner', async () => {
    const first = await workers.start(log)
    const command = add('a', 1)
    await deployment.send([command])
    await deployment.answered([command.id])
    await first.close({ deadlineMs: 2_000 })
    await workers.start(log)
    const marker = add('a', 0)
    await deployment.send([command, { ...command, input: { n: 2 } }, marker])
    const answers = await deployment.answered([marker.id])
    const [one, again, other] = answers.get(command.id)!
    expect(again).toEqual(one)
    expect(other).toMatchObject({ code: 'conflict' })
    expect(await deployment.trail('counter', 'a')).toHaveLength(2)
  })

  test('E-LAG-1 E-LAG-2 of too many commands of an entity some are refused and run later; meanwhile the answers say how far it lags', async () => {
    const commands = Array.from({ length: 1_200 }, (_, i) => add('a', 0, { id: `many-${i}` }))
    const neighbours = neighboursOf('a', 500).map((key) => add(key, 1))
    await deployment.send([...commands, ...neighbours])
    await workers.start(log)
    const codes = async () => {
      const answers = await deployment.answered([...commands, ...neighbours].map(({ id }) => id))
      return commands.map(({ id }) =>
        answers.get(id)!.map((answer) => (answer.status === 'done' ? 'done' : answer.code)),
      )
    }
    expect((await codes()).map(([code]) => code)).toEqual(commands.map((_, i) => (i < 1_000 ? 'done' : 'overloaded')))
    const answers = await deployment.answers()
    for (const { id } of neighbours) expect(answers.get(id)).toMatchObject([{ status: 'done' }])
    const partition = partitionOf('a', PARTITIONS)
    const entries = await opened.bus.log(partition, 'query').range(ANSWERS_TOPIC, '-', '+', 1_000)
    const lags = entries.map(({ watermark }) => watermark !== undefined)
    expect([lags[0], lags.at(-1)]).toEqual([true, false])
    await deployment.send(commands.slice(1_000))
    await expect.poll(async () => (await codes()).slice(1_000).every((each) => each[1] === 'done')).toBe(true)
    expect(await deployment.trail('counter', 'a')).toHaveLength(1_200)
  })

  test('E-ONCE-1 a command whose answer was dropped with its generation is not run again', async () => {
    const first = await workers.start(log)
    const commands = [add('a', 1), add('a', 2)]
    await deployment.send(commands)
    await deployment.answered(commands.map(({ id }) => id))
    await first.close({ deadlineMs: 2_000 })
    const partition = partitionOf('a', PARTITIONS)
    const clocks = JSON.parse((await redis.hget(keys.meta(partition), 'clocks'))!)
    const now = Date.now()
    clocks.answers = { began: now, since: now, bytes: 0 }
    await redis.hset(keys.meta(partition), 'clocks', JSON.stringify(clocks))
    await redis.del(keys.owned(partition, ANSWERS_HASH), keys.owned(partition, ANSWERS_PREVIOUS_HASH))
    await workers.start(log)
    const fresh = add('a', 3)
    await deployment.send([commands[0]!, fresh])
    const answers = await deployment.answered([fresh.id])
    expect(answers.get(commands[0]!.id)![1]).toMatchObject({ code: 'outcome_unknown', version: 1 })
    expect((await deployment.states(definition, 'a')).stored).toMatchObject({ version: 3, state: { n: 6 } })
  })

  test('E-STORE-3 an entity is found by the values of its indexes', async () => {
    await workers.start(log)
    const label = (key: string, text: string) => add(key, 0, { command: 'label', input: { label: text } })
    const commands = [label('a', 'red'), label('b', 'red'), label('a', 'blue')]
    await deployment.send(commands)
    await deployment.answered(commands.map(({ id }) => id))
    const found = async (value: string) => {
      const pages = Array.from({ length: PARTITIONS }, (_, partition) =>
        opened.bus.entities(partition, 'query').indexed('counter', 'label', value, { count: 10 }),
      )
      return (await Promise.all(pages)).flatMap(({ keys }) => keys)
    }
    expect([await found('red'), await found('blue'), await found('green')]).toEqual([['b'], ['a'], []])
  })

  test('E-ERASE-1 nothing of an erased entity is left in Redis but in logs, and another owner knows that it was', async () => {
    await workers.start(log)
    const label = add('a', 0, { command: 'label', input: { label: 'mArKeR' } })
    const erase = add('a', 0, { command: '~erase', input: {} })
    await deployment.send([add('a', 1), label])
    await deployment.answered([label.id])
    await deployment.send([erase])
    expect((await deployment.answered([erase.id])).get(erase.id)).toMatchObject([{ status: 'done', version: 3 }])
    // Checksums of tests can be read.
    const names = (await redis.keys('{tg:*')).filter((name) => !/:(log|answers)/.test(name))
    const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)))
    expect(names.filter((name, i) => name.includes('mArKeR') || dumps[i]!.includes('mArKeR'))).toEqual([])
    expect(names.filter((name) => name.includes(':trail:') || name.includes(':index:'))).toEqual([])
    await workers.running[0]!.close({ deadlineMs: 2_000 })
    await workers.start(log)
    const after = add('a', 7)
    await deployment.send([label, after])
    const answers = await deployment.answered([after.id])
    expect(answers.get(label.id)).toMatchObject([{ status: 'done' }, { code: 'erased' }])
    expect(answers.get(after.id)).toMatchObject([{ status: 'done', version: 4 }])
    const { stored, folded } = await deployment.states(definition, 'a')
    expect(stored).toEqual(folded)
  })

  test('E-STORE-2 a state of another definition is folded anew', async () => {
    await workers.start(log)
    const command = add('a', 4)
    await deployment.send([command])
    await deployment.answered([command.id])
    const partition = partitionOf('a', PARTITIONS)
    await redis.hset(`{tg:${partition}}:entity:counter`, 'a', '{"v":1,"t":0,"d":1,"s":{"n":999,"label":""}}')
    await workers.running[0]!.close({ deadlineMs: 2_000 })
    await workers.start(log)
    const status = add('a', 0, { command: 'status', input: {} })
    await deployment.send([status])
    expect((await deployment.answered([status.id])).get(status.id)).toMatchObject([{ reply: { n: 4 } }])
  })

  test('E-STORE-4 a trail that cannot be folded fails its entity alone, and one without an index value none', async () => {
    const store = (key: string, entry: object) =>
      redis.rpush(`{tg:${partitionOf(key, PARTITIONS)}}:trail:counter:${key}`, JSON.stringify(entry))
    await store('a', { e: 'added', v: 1, d: { by: ENDLESS }, t: 1, c: 'x' })
    await store('b', { e: 'labelled', v: 2, d: { label: UNINDEXABLE }, t: 1, c: 'x' })
    const near = Array.from({ length: 20 }, (_, i) => `k-${i}`).filter(
      (key) => partitionOf(key, PARTITIONS) === partitionOf('a', PARTITIONS),
    )
    const status = add('b', 0, { command: 'status', input: {} })
    const commands = [add('a', 1), add(near[0]!, 1), status, add('b', 1)]
    await workers.start(log)
    await deployment.send(commands)
    const answers = await deployment.answered(commands.map(({ id }) => id))
    expect(commands.map(({ id }) => answers.get(id))).toMatchObject([
      [{ status: 'rejected', code: 'handler_failed' }],
      [{ status: 'done', version: 1 }],
      [{ status: 'done', version: 1 }],
      [{ status: 'rejected', code: 'handler_failed' }],
    ])
  })

  test('W-SUSPECT-2 W-FOLD-13 a command that ended two owners is answered, its dead letter has no input, and its neighbours are run', async () => {
    const commands = [add('a', 1), add('a', 2), add('a', 3)]
    await deployment.send(commands)
    const partition = partitionOf('a', PARTITIONS)
    const [entry] = await opened.bus.log(partition, 'query').range(COMMANDS_TOPIC, '-', '+', 1)
    const suspect = `${COMMANDS_TOPIC} ${entry!.streamId}.1 2`
    await redis.hset(keys.meta(partition), { takes: 2, suspect })
    await workers.start(log)
    const answers = await deployment.answered(commands.map(({ id }) => id))
    expect(commands.map(({ id }) => answers.get(id))).toMatchObject([
      [{ status: 'done', version: 1 }],
      [{ status: 'rejected', code: 'handler_failed' }],
      [{ status: 'done', version: 2 }],
    ])
    expect(await redis.hmget(keys.meta(partition), 'takes', 'suspect')).toEqual(['0', ''])
    const letters: DeadLetter[] = []
    const dead = new DeadLetters({ bus: opened.bus, contract, onUnreadable: () => {} })
    for await (const batch of dead.batches()) letters.push(...batch.letters)
    const data = { entity: 'counter', command: 'add' }
    const cause = 'the worker ended each time it folded this'
    expect(letters).toMatchObject([{ topic: COMMANDS_TOPIC, partition, cause, event: { id: 'c-1', key: 'a' } }])
    expect(letters[0]!.event.data).toEqual(data)
  })
})

/** Other keys of the same partition. */
function neighboursOf(key: string, count: number): string[] {
  const keys = Array.from({ length: 2 * PARTITIONS * count }, (_, i) => `n-${i}`)
  return keys.filter((other) => partitionOf(other, PARTITIONS) === partitionOf(key, PARTITIONS)).slice(0, count)
}
