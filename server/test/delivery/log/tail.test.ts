import { LANES, type ResumeFrom } from '@tidegate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Rights } from '../../../src/access/index.ts'
import { CANARY_TOPIC, LineageProof } from '../../../src/bus/index.ts'
import { keys } from '../../../src/bus/keys.ts'
import { missingEntries } from '../../../src/bus/log/lineage.ts'
import { untilReady } from '../../../src/bus/redis/connection.ts'
import { Delivery } from '../../../src/delivery/index.ts'
import { logOf } from '../../support/bus.ts'
import { DELIVERY_LIMITS } from '../../support/delivery-limits.ts'
import { noLimits } from '../../support/limits.ts'
import { useBus, useRedis } from '../../support/use-redis.ts'
import { appendEvents, contractOf, recordBatch, SimulatedSocket, until } from '../support.ts'

const PARTITIONS = 2
/** Of the topics of `contractOf`. */
const RETENTION_MS = 60_000
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
let delivery: Delivery

beforeEach(async () => {
  delivery = new Delivery({
    bus: opened.bus,
    contract: contractOf(['a.x', 'a.y']),
    limits: DELIVERY_LIMITS,
    examine: async (partition, known) => {
      while (!(await new LineageProof(logOf(redis, partition)).examine(known)));
      return missingEntries(redis, partition, known)
    },
    report: () => 'defect',
  })
  await delivery.start()
})
afterEach(() => delivery.close({ deadlineMs: 1_000 }))

/** The fields of an entry of one event. */
function entryOf(epoch: string, id: string) {
  const { header, payload } = recordBatch([{ id }])
  return ['e', epoch, 'h', header, 'd', payload] as const
}

/** Adds one to a log, under an id of our choice. */
async function appendRaw(topic: string, streamId: string, epoch: string, id: string): Promise<void> {
  await redis.xadd(keys.log(0, topic), streamId, ...entryOf(epoch, id))
}

async function subscribed(topic: string, from: ResumeFrom = 'now'): Promise<SimulatedSocket> {
  const socket = new SimulatedSocket()
  delivery
    .openSubscriber(socket, { name: 'test', rights: Rights.EVERYTHING, limits: noLimits() })
    .subscribe({ type: 'subscribe', sub: 1, topic, from })
  await until(() => socket.ofType('subscribed').length === 1, 'subscribed')
  return socket
}

const killTails = async () => {
  const clients = String(await redis.client('LIST'))
  for (const line of clients.split('\n')) {
    const id = /name=tidegate-tail/.test(line) && /\bid=(\d+)/.exec(line)?.[1]
    if (id) await redis.client('KILL', 'ID', Number(id))
  }
}

const untilLive = () => until(() => delivery.tailState().every(({ live }) => live), 'live tails')

describe('tail', () => {
  it('D-TAIL-1 delivers every event appended after the subscription was answered', async () => {
    await appendEvents(redis, 0, 'a.x', [{ id: 'before' }])
    const socket = await subscribed('a.*')
    await appendEvents(redis, 0, 'a.x', [{ id: '1' }, { id: '2' }])
    await appendEvents(redis, 1, 'a.y', [{ id: '3' }])
    await until(() => socket.events().length === 3, 'three events')
    expect(socket.ids().sort()).toEqual(['1', '2', '3'])
    const streamId = expect.stringMatching(/^\d+-\d+$/)
    expect(delivery.lastTailed(1)).toEqual([{ topic: 'a.y', epoch: expect.any(String), streamId }])
  })

  it('D-TAIL-1 D-TAIL-2 loses nothing while topics come and go under a stream of appends', async () => {
    const total = 300
    let appended = 0
    const appending = (async () => {
      for (; appended < total; appended++) await appendEvents(redis, 0, 'a.x', [{ id: `${appended}` }])
    })()
    const watched: { socket: SimulatedSocket; since: number }[] = []
    while (appended < total - 20) {
      const sessions = ['a.x', 'a.y'].map((topic) => {
        const socket = new SimulatedSocket()
        const session = delivery.openSubscriber(socket, { name: 'test', rights: Rights.EVERYTHING, limits: noLimits() })
        session.subscribe({ type: 'subscribe', sub: 1, topic })
        return { socket, session }
      })
      const [x, y] = sessions.map(({ socket }) => socket)
      await until(() => x!.frames.length > 0 && y!.frames.length > 0, 'both subscribed')
      const since = appended + 1
      await until(() => x!.ids().includes(`${since + 5}`), 'some events')
      watched.push({ socket: x!, since })
      for (const { session } of sessions) session.unsubscribe(1)
    }
    await appending
    expect(watched.length).toBeGreaterThan(3)
    for (const { socket, since } of watched) {
      const numbers = socket.ids().map(Number)
      expect(numbers[0]).toBeLessThanOrEqual(since)
      expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i))
    }
  })

  it('D-TAIL-10 what is appended behind a subscribe lies behind its start, however busy the connection of replays is', async () => {
    const { bus } = opened
    const others = Array.from({ length: 2_000 }, () => bus.log(0, 'replay').heads(['a.x', 'a.y']))
    const socket = new SimulatedSocket()
    const session = delivery.openSubscriber(socket, { name: 'test', rights: Rights.EVERYTHING, limits: noLimits() })
    session.subscribe({ type: 'subscribe', sub: 1, topic: 'a.x' })
    const batches = [{ topic: 'a.x', ...recordBatch([{ id: '1' }]) }]
    await bus.log(0, 'append').append({ batches, slices: [{ batch: 0, lastIndex: 0, identity: undefined }] })
    await Promise.all(others)
    await until(() => socket.ofType('subscribed').length === 1, 'subscribed')
    await appendEvents(redis, 0, 'a.x', [{ id: '2' }])
    await until(() => socket.ids().includes('2'), 'the second event')
    expect(socket.ids()).toEqual(['1', '2'])
  })

  it('D-TAIL-2 wakes the waiting read for a new topic instead of waiting it out', async () => {
    await subscribed('a.x')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const started = Date.now()
    const socket = await subscribed('a.y')
    await appendEvents(redis, 0, 'a.y', [{ id: '1' }])
    await until(() => socket.events().length === 1, 'the event')
    expect(Date.now() - started).toBeLessThan(500)
  })

  it('D-TAIL-3 goes on from its cursor after a lost connection', async () => {
    const socket = await subscribed('a.x')
    for (let i = 0; i < 30; i++) {
      if (i % 10 === 5) await killTails()
      await appendEvents(redis, 0, 'a.x', [{ id: `${i}` }])
    }
    await until(() => socket.ids().includes('29'), 'the last event')
    expect(socket.ids()).toEqual(Array.from({ length: 30 }, (_, i) => `${i}`))
    expect(socket.gaps()).toEqual([])
  })

  it('D-RESUME-10 delivers all that comes at once after an outage, however long its client takes', async () => {
    await untilLive()
    const socket = await subscribed('a.x')
    socket.holding = true
    await killTails()
    await until(() => delivery.tailState().some(({ live }) => !live), 'a tail that is away')
    const large = 'x'.repeat(5_000)
    for (let i = 0; i < 50; i++) {
      await appendEvents(
        redis,
        0,
        'a.x',
        Array.from({ length: 20 }, (_, j) => ({ id: `${i * 20 + j} ${large}` })),
      )
    }
    await until(() => delivery.stats().lanes.normal.queued > 0, 'events that wait')
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.release()
    await until(() => socket.ids().length === 1_000, 'all events')
    expect(socket.ids().map((id) => Number.parseInt(id, 10))).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
    expect(socket.gaps()).toEqual([])
  })

  it('D-TAIL-4 goes back to where the new epoch begins in a log that came back shorter', async () => {
    const socket = await subscribed('a.x')
    await appendEvents(redis, 0, 'a.x', [{ id: 'lost' }])
    await until(() => socket.ids().includes('lost'), 'the first event')
    // As after a failover to a copy that lacks the entry, on a machine whose clock is an hour behind.
    await redis.multi().del(keys.log(0, 'a.x')).hset(keys.meta(0), 'epoch', 'other').exec()
    const anHourAgo = Date.now() - 3_600_000
    await appendRaw('a.x', `${anHourAgo}-0`, 'other', 'first of the new log')
    await killTails()
    await until(() => socket.ids().includes('first of the new log'), 'what came before the tail was back')
    await appendRaw('a.x', `${anHourAgo + 1}-0`, 'other', 'second')
    await until(() => socket.ids().includes('second'), 'an event of the new log')
    expect(socket.gaps().filter(({ lane }) => lane === 'normal')).toMatchObject([{ reason: 'epoch', count: null }])
    expect(socket.ids()).toEqual(['lost', 'first of the new log', 'second'])
  })

  it('D-TAIL-8 finds entries of a new epoch before its cursor, behind a gap, without a lost connection', async () => {
    const socket = await subscribed('a.x')
    const kept = await appendEvents(redis, 0, 'a.x', [{ id: 'kept' }])
    const lost = [
      await appendEvents(redis, 0, 'a.x', [{ id: 'l1' }]),
      await appendEvents(redis, 0, 'a.x', [{ id: 'l2' }]),
    ]
    await until(() => socket.ids().length === 3, 'the events that will be lost')
    const [ms, sequence] = kept.split('-').map(Number)
    await redis.hset(keys.meta(0), 'epoch', 'other')
    await redis.xdel(keys.log(0, 'a.x'), ...lost)
    await redis.xsetid(keys.log(0, 'a.x'), kept)
    await appendRaw('a.x', `${ms}-${sequence! + 1}`, 'other', 'n1')
    await appendRaw('a.x', `${ms}-${sequence! + 2}`, 'other', 'n2')
    await redis.xadd(keys.log(0, CANARY_TOPIC), '*', 'e', 'other')
    await until(() => socket.ids().includes('n2'), 'the events of the new epoch')
    expect(socket.ids()).toEqual(['kept', 'l1', 'l2', 'n1', 'n2'])
    for (const lane of ['high', 'normal', 'low']) {
      expect(socket.gaps().filter((gap) => gap.lane === lane)).toMatchObject([
        { reason: 'epoch', upTo: `0@other/${kept}.999999` },
      ])
    }
  })

  it('D-TAIL-8 looks before it reads on when the new epoch lies on both sides of its cursor', async () => {
    const socket = await subscribed('a.x')
    const kept = await appendEvents(redis, 0, 'a.x', [{ id: 'kept' }])
    await new Promise((resolve) => setTimeout(resolve, 5))
    const lost = await appendEvents(redis, 0, 'a.x', [{ id: 'lost' }])
    await until(() => socket.ids().length === 2, 'both events')
    const after = (id: string) => id.replace('-', '-1')
    await redis
      .multi()
      .hset(keys.meta(0), 'epoch', 'other')
      .xdel(keys.log(0, 'a.x'), lost)
      .xsetid(keys.log(0, 'a.x'), kept)
      .exec()
    await appendRaw('a.x', after(kept), 'other', 'before')
    await appendRaw('a.x', after(lost), 'other', 'behind')
    await until(() => socket.ids().includes('behind'), 'the event behind the cursor')
    expect(socket.ids()).toEqual(['kept', 'lost', 'before', 'behind'])
  })

  it('D-TAIL-8 D-RESUME-8 forgets with a lost tail the pages that were read of it', async () => {
    await appendEvents(redis, 0, 'a.x', [{ id: 'kept' }])
    const logBytes = await server.logBytes()
    await appendEvents(redis, 0, 'a.x', [{ id: 'lost' }])
    const first = await subscribed('a.x', 'earliest')
    await until(() => first.ids().length === 2, 'both events')
    const lostAt = first.events()[1]!.at
    await server.restart({ logBytes })
    await untilReady(redis, 5_000)
    const id = /\/(.*)-/.exec(first.events()[0]!.at)![1]
    await until(() => first.gaps().length > 0, 'the gap')
    const epoch = await redis.hget(keys.meta(0), 'epoch')
    expect(lostAt).not.toContain(`@${epoch}/`)
    await appendRaw('a.x', `${id}-7`, epoch!, 'new')
    const second = await subscribed('a.x', 'earliest')
    await until(() => second.ids().includes('new') && first.ids().includes('new'), 'the event of the new epoch')
    expect(second.ids()).toEqual(['kept', 'new'])
    expect(first.ids()).toEqual(['kept', 'lost', 'new'])
  })

  it('D-TAIL-8 D-RESUME-4 an epoch that came and went unseen lies in the gap of live feeds, and is delivered to replays', async () => {
    const socket = await subscribed('a.x')
    const kept = await appendEvents(redis, 0, 'a.x', [{ id: 'kept' }])
    // Of another millisecond: what comes in its place must not have its id.
    await new Promise((resolve) => setTimeout(resolve, 2))
    const lost = await appendEvents(redis, 0, 'a.x', [{ id: 'lost' }])
    await until(() => socket.ids().length === 2, 'the event that will be lost')
    const { at } = socket.events()[0]!
    const [ms, sequence] = kept.split('-').map(Number)
    const next = (n: number) => `${ms}-${sequence! + n}`
    const log = keys.log(0, 'a.x')
    await redis
      .multi()
      .xdel(log, lost)
      .xsetid(log, kept)
      .xadd(log, next(1), ...entryOf('second', 'between'))
      .xadd(log, next(2), ...entryOf('third', 'new'))
      .hset(keys.meta(0), 'epoch', 'third')
      .exec()
    await redis.xadd(keys.log(0, CANARY_TOPIC), '*', 'e', 'third')
    await until(() => socket.ids().includes('new'), 'the event of the present epoch')
    expect(socket.ids()).toEqual(['kept', 'lost', 'new'])
    expect(socket.gaps().filter(({ lane }) => lane === 'normal')).toMatchObject([
      { reason: 'epoch', count: null, upTo: `0@third/${next(1)}.999999` },
    ])
    const resumed = await subscribed('a.x', { positions: { 'a.x': { normal: [at] } } })
    await until(() => resumed.ids().includes('new'), 'the events behind the position')
    expect(resumed.ids()).toEqual(['between', 'new'])
  })

  it('D-TAIL-5 a trimmed gap stays in the epoch that the tail had, while entries of an earlier one than the present follow', async () => {
    const socket = await subscribed('a.x')
    await appendEvents(redis, 0, 'a.x', [{ id: 'first' }])
    await until(() => socket.ids().length === 1, 'the first event')
    const log = keys.log(0, 'a.x')
    const [unread, second, third] = [1_000, 2_000, 3_000].map((ms) => `${Date.now() + ms}-0`) as [
      string,
      string,
      string,
    ]
    await redis
      .multi()
      .xadd(log, unread, ...entryOf('second', 'unread'))
      .xadd(log, second, ...entryOf('second', 'of the second'))
      .xadd(log, third, ...entryOf('third', 'of the third'))
      .xtrim(log, 'MINID', second)
      .hset(keys.meta(0), { 'trim:a.x': unread, epoch: 'third' })
      .exec()
    await until(() => socket.ids().length === 3, 'the events that are left')
    expect(socket.ids()).toEqual(['first', 'of the second', 'of the third'])
    const told = socket.gaps().filter(({ lane }) => lane === 'normal')
    expect(told.map(({ reason }) => reason)).toEqual(['trimmed', 'epoch', 'epoch'])
    expect(told[0]!.upTo).toContain(`/${unread}.`)
    expect(told.map(({ upTo }) => upTo.split(/[@/]/)[1])).toEqual([
      socket.events()[0]!.at.split(/[@/]/)[1],
      'second',
      'third',
    ])
  })

  it('D-TAIL-5 reports what was trimmed before it was read', async () => {
    const socket = await subscribed('a.x')
    const { header, payload } = recordBatch([{ id: 'unread' }])
    const id = `${Date.now() + 1_000}-0`
    await redis
      .multi()
      .xadd(keys.log(0, 'a.x'), id, 'e', '1', 'h', header, 'd', payload)
      .xtrim(keys.log(0, 'a.x'), 'MAXLEN', 0)
      .hset(keys.meta(0), 'trim:a.x', id)
      .exec()
    await killTails()
    await until(() => socket.gaps().length === 3, 'a gap per lane')
    for (const gap of socket.gaps()) {
      expect(gap).toMatchObject({ reason: 'trimmed', count: null, fetchable: false })
      expect(gap.upTo).toContain(`/${id}.`)
    }
  })

  it('D-TAIL-5 reports what was trimmed while the process slept, over a connection that stayed', async () => {
    const socket = await subscribed('a.x')
    await appendEvents(redis, 0, 'a.x', [{ id: 'before' }])
    await until(() => socket.ids().length === 1, 'the first event')
    const log = keys.log(0, 'a.x')
    const epoch = (await redis.hget(keys.meta(0), 'epoch'))!
    const [unread, behind] = [`${Date.now() + 1_000}-0`, `${Date.now() + RETENTION_MS}-0`]
    // Together, as a read finds it that comes later.
    await redis
      .multi()
      .xadd(log, unread, ...entryOf(epoch, 'unread'))
      .xtrim(log, 'MAXLEN', 0)
      .hset(keys.meta(0), 'trim:a.x', unread)
      .xadd(log, behind, ...entryOf(epoch, 'behind'))
      .exec()
    await until(() => socket.ids().length === 2, 'the event behind those that are gone')
    expect(socket.ids()).toEqual(['before', 'behind'])
    expect(socket.gaps().map(({ lane, reason }) => [lane, reason])).toEqual(LANES.map((lane) => [lane, 'trimmed']))
    for (const { upTo } of socket.gaps()) expect(upTo).toContain(`/${unread}.`)
    expect(socket.frames.findLastIndex(({ type }) => type === 'gap')).toBeLessThan(
      socket.frames.findLastIndex(({ type }) => type === 'batch'),
    )
  })

  it('D-TAIL-6 says which partitions are live, with and without topics', async () => {
    await untilLive()
    await subscribed('a.x')
    expect(delivery.tailState().map(({ live }) => live)).toEqual([true, true])
    process.kill(server.pid, 'SIGSTOP')
    try {
      await until(() => delivery.tailState().every(({ live }) => !live), 'dead tails')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    await untilLive()
  })

  it('D-SUB-3 refuses a subscription while Redis does not answer, and takes it again afterwards', async () => {
    const socket = new SimulatedSocket()
    const session = delivery.openSubscriber(socket, { name: 'test', rights: Rights.EVERYTHING, limits: noLimits() })
    process.kill(server.pid, 'SIGSTOP')
    try {
      session.subscribe({ type: 'subscribe', sub: 1, topic: 'a.x' })
      await until(() => socket.ofType('error').length === 1, 'an error')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    expect(socket.ofType('error')[0]).toMatchObject({ sub: 1, code: 'unavailable', retryable: true })
    const again = async () => {
      session.subscribe({ type: 'subscribe', sub: 1, topic: 'a.x' })
      const answers = socket.frames.length
      await until(() => socket.frames.length > answers, 'an answer')
    }
    while (socket.ofType('subscribed').length === 0) await again()
    await appendEvents(redis, 0, 'a.x', [{ id: '1' }])
    await until(() => socket.ids().includes('1'), 'the event')
  })

  it('D-RESUME-1 D-RESUME-5 replays a real log from its beginning into the live stream, in order', async () => {
    const total = 400
    for (let i = 0; i < total / 2; i++) await appendEvents(redis, 0, 'a.x', [{ id: `${i}` }])
    const subscribing = subscribed('a.x', 'earliest')
    for (let i = total / 2; i < total; i++) await appendEvents(redis, 0, 'a.x', [{ id: `${i}` }])
    const socket = await subscribing
    await until(() => socket.events().length >= total, 'all events')
    expect(socket.ids()).toEqual(Array.from({ length: total }, (_, i) => `${i}`))
    expect(delivery.stats().replayingFeeds).toBe(0)
  })
})
