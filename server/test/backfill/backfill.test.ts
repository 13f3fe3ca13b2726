import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { BackfillPool } from '../../src/backfill/index.ts'
import type { EventBody } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { Pane, WithdrawnPane } from '../../src/config/contract/model.ts'
import { defineConfig } from '../../src/index.ts'
import { currentKey } from '../support/bus.ts'
import { eventOf, other, reading } from '../support/fold.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { type Appended, BackfillPartition } from './backfill-partition.ts'

const HOUR_MS = 3_600_000
/** When the first batch was appended. */
const START = 1_000 * HOUR_MS
const FAR = START + HOUR_MS
const options = {
  outOfOrderness: '1s',
  allowedLateness: '3s',
  aggregate: { sum: { sum: 'v' }, list: { list: 'v' } },
} as const
const tumbling = reading.window('b.tumbling', { tumbling: '10s', ...options })
const hopping = reading.window('b.hopping', { hopping: { size: '10s', slide: '4s' }, ...options })
const session = reading.window('b.session', { session: { gap: '3s' }, ...options })
const fleet = reading.window('b.fleet', { tumbling: '10s', watermark: 'key', ...options })
const early = reading.window('b.early', { tumbling: '10s', emit: { every: '1s' }, ...options })
const high = reading.filter((r) => r.v > 3).to('b.high', { version: 1 })
const ofFlow = high.window('b.of_flow', { tumbling: '10s', ...options })
const sums = reading.window('b.sums', { tumbling: '5s', ...options, allowedLateness: '0s' })
const ofPanes = sums.window('b.of_panes', {
  tumbling: '20s',
  outOfOrderness: '0s',
  aggregate: { sum: { sum: 'value.sum' } },
})
const loud = tumbling.filter((pane) => pane.value.sum > 0).to('b.loud', { version: 1 })
const picky = reading.window('b.picky', {
  tumbling: '10s',
  ...options,
  where: {
    version: 1,
    keep: (r) => {
      if (r.v === 13) throw new Error('thirteen')
      return true
    },
  },
})
const readBefore = reading.filter((r) => r.v > 1_000).to('b.none', { version: 1 })
const readOther = other.filter((r) => r.v > 1_000).to('b.none_other', { version: 1 })
const before = defineConfig({ topics: [reading, other, readBefore, readOther] })
const windows = [tumbling, hopping, session, early, ofFlow, ofPanes]
const after = defineConfig({
  topics: [reading, other, readBefore, readOther, high, sums, loud, picky, fleet, ...windows],
})

const { server, redis } = await useRedis()
const opened = useBus(server, 1)
let partition: BackfillPartition

beforeEach(() => fresh())

async function fresh(): Promise<void> {
  partition = new BackfillPartition(redis, opened.bus)
  await partition.open()
}

let ids = 0
const batch = (at: number, ...events: readonly EventBody[]): Appended => ({ topic: 'a.reading', at, events })
const at = (time: number, v = 1, key = 'x') => eventOf(`e-${ids++}`, key, START + time, v)
/** Closes every window of before. */
const closing = () => batch(FAR, eventOf('close', 'x', FAR), eventOf('close-y', 'y', FAR), eventOf('close-z', 'z', FAR))

/** The panes that hold in the end. @throws when the same revision is there twice. */
function held(events: readonly EventBody[]): Record<string, unknown> {
  const panes = new Map<string, { revision: number; value: unknown }>()
  for (const { data } of events) {
    const pane = data as Pane | WithdrawnPane
    const name = `${pane.key}/${pane.start - START}-${pane.end - START}`
    if (pane.start >= FAR - HOUR_MS / 2) continue
    if (pane.withdrawn === true) {
      panes.delete(name)
      continue
    }
    expect(pane.revision).toBeGreaterThan(panes.get(name)?.revision ?? -1)
    panes.set(name, pane)
  }
  return Object.fromEntries([...panes].map(([name, { value }]) => [name, value]).sort())
}

/** A backfill that comes to the end of the log between the parts. The live window begins behind the first batch, and only reads the first part. */
async function runInParts(window: string, first: readonly Appended[], second: readonly Appended[]): Promise<void> {
  await partition.append(first)
  await partition.runLive(before, first.slice(0, 1))
  await partition.runLive(after, [])
  partition.now = START + 30
  await partition.start(after, window, { from: 'earliest' })
  const run = partition.job(after, window).run()
  const events = first.flatMap((one) => one.events).length
  await expect.poll(async () => (await partition.store(window).ledger.record())?.clocks).toContain(`"events":${events}`)
  await partition.append(second)
  await run
}

const idsOf = (events: readonly EventBody[] | undefined) => (events ?? []).map(({ id }) => id).sort()

/** What the window puts out that reads everything from the beginning. */
async function onePass(batches: readonly Appended[]): Promise<Map<string, EventBody[]>> {
  const whole = new BackfillPartition(redis, opened.bus)
  await whole.runLive(after, batches)
  return whole.live
}

describe('backfill', () => {
  it('W-FOLD-12 puts events aside that are older than a field', async () => {
    const older = { ...at(1_000), data: { k: 'x' } }
    await partition.append([batch(START, older, at(2_000, 3)), closing()])
    await partition.runLive(before, [batch(START, older), closing()])
    await partition.runLive(after, [])
    partition.now = FAR + 60_000
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    await partition.job(after, 'b.tumbling').run()
    expect(held(await partition.filled('b.tumbling'))).toEqual({ 'x/0-10000': { sum: 3, list: [3] } })
    expect(idsOf(await partition.filled('b.tumbling~dead'))).toEqual([older.id])
  })

  it('W-BACKFILL-9 goes back as far as the logs, and begins reading where the first events of its windows can lie', async () => {
    const batches = [
      batch(START, at(1_000)),
      batch(START + HOUR_MS, at(HOUR_MS)),
      batch(START + 2 * HOUR_MS, at(2 * HOUR_MS)),
    ]
    await partition.append(batches)
    await partition.runLive(before, batches)
    await partition.runLive(after, [])
    const begin = async (from: number | 'earliest', window = 'b.tumbling') => {
      await redis.del(keys.backfill(0, window))
      await partition.start(after, window, { from })
      const record = (await partition.store(window).ledger.record())!
      return {
        from: JSON.parse(record.run).from - START,
        readFrom: Number(JSON.parse(record.offsets)['a.reading'].split('-')[0]) - START,
      }
    }
    const AHEAD_MS = 2 * 60_000
    expect(await begin(START + HOUR_MS)).toEqual({ from: HOUR_MS, readFrom: HOUR_MS - AHEAD_MS - 1 })
    // A session may have begun before, with an event up to a gap before.
    expect((await begin(START + HOUR_MS, 'b.session')).readFrom).toBe(HOUR_MS - AHEAD_MS - 3_000 - 1)
    // A pane that it reads may hold events from before.
    expect((await begin(START + HOUR_MS, 'b.of_panes')).readFrom).toBe(HOUR_MS - AHEAD_MS - 5_000 - 1)
    await redis.hset(keys.meta(0), 'trim:a.reading', `${START}-0`)
    expect(await begin('earliest')).toEqual({ from: AHEAD_MS + 1, readFrom: 0 })
    const available = new Date(START + AHEAD_MS + 1).toISOString()
    await expect(begin(START)).rejects.toThrow(`Windows from ${available} on can be filled`)
  })

  it.each([
    ['b.nope', 'there is no window b.nope. The windows of this config: '],
    ['b.high', 'b.high is a flow, not a window'],
    ['b.all', 'b.all is merged over all partitions'],
    ['b.of_sessions', 'b.of_sessions reads b.session, which has session windows'],
  ])('W-BACKFILL-9 refuses %s with the reason', async (name, reason) => {
    const all = reading.window('b.all', { tumbling: '10s', groupBy: null, aggregate: { count: 'count' } })
    const whole = reading.window('b.session', { session: { gap: '3s' }, ...options, allowedLateness: '0s' })
    const ofSessions = whole.window('b.of_sessions', { tumbling: '10s', aggregate: { count: 'count' } })
    const contract = defineConfig({ topics: [reading, high, whole, all, ofSessions] })
    await expect(partition.start(contract, name, { from: 'earliest' })).rejects.toThrow(reason)
  })

  it('W-BACKFILL-9 has nothing to do where the window has read everything', async () => {
    await partition.append([batch(START, at(1_000))])
    await partition.runLive(after, [batch(START, at(1_000))])
    expect((await partition.start(after, 'b.tumbling', { from: 'earliest' })).nothing).toContain('from their beginning')
    await expect(partition.start(after, 'b.tumbling')).rejects.toThrow('no backfill of b.tumbling is under way')
  })

  it('W-BACKFILL-1 W-BACKFILL-3 puts out with the live window what one pass does, wherever windows begin and jobs stop', async () => {
    const event = fc.record({
      key: fc.constantFrom('x', 'y', 'z'),
      time: fc.integer({ min: 0, max: 12_000 }),
      v: fc.integer({ min: 0, max: 640 }).map((n) => n / 64),
    })
    const log = fc.array(fc.array(event, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 14 })
    await fc.assert(
      fc.asyncProperty(log, fc.nat(), fc.constantFrom(...windows), fc.nat(3), async (lists, cut, { name }, stops) => {
        await fresh()
        // Time goes on from batch to batch, with events that come seconds late.
        const batches = lists.map((list, n) =>
          batch(START + 10 * n, ...list.map(({ key, time, v }) => at(n * 4_000 + time, v, key))),
        )
        batches.push(closing())
        const begin = 1 + (cut % (batches.length - 1))
        await partition.append(batches)
        await partition.runLive(before, batches.slice(0, begin))
        await partition.runLive(after, batches.slice(begin))
        await partition.start(after, name, { from: 'earliest' })
        for (let n = 0; n < stops; n++) {
          const job = partition.job(after, name)
          const run = job.run()
          setImmediate(() => job.stop())
          await run
        }
        await partition.job(after, name).run()
        expect(await partition.store(name).ledger.record()).toMatchObject({ status: 'done' })
        const expected = await onePass(batches)
        expect(held([...(await partition.filled(name)), ...partition.live.get(name)!])).toEqual(
          held(expected.get(name)!),
        )
        const late = [...(await partition.filled(`${name}.late`)), ...(partition.live.get(`${name}.late`) ?? [])]
        const trulyLate = idsOf(expected.get(`${name}.late`))
        // The live window may not know the session that an event could still join.
        expect(idsOf(late)).toEqual(name === session.name ? expect.arrayContaining(trulyLate) : trulyLate)
        expect(await redis.keys('*:fill:*:win:*')).toEqual([])
        // Nothing of what else was computed on the way.
        expect(await redis.keys(`{tg:0}:log:b.*`)).toSatisfy((logs: string[]) =>
          logs.every((log) => log.includes(name)),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('W-BACKFILL-1 does so with a clock per key as well, once the live window knows all keys', async () => {
    // The clock of y runs behind by two windows.
    const batches = Array.from({ length: 12 }, (_, n) =>
      batch(START + 10 * n, at(n * 5_000, 1, 'x'), at(n * 5_000 - 20_000, 2, 'y')),
    )
    batches.push(closing())
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 5))
    await partition.runLive(after, batches.slice(5))
    await partition.start(after, 'b.fleet', { from: 'earliest' })
    await partition.job(after, 'b.fleet').run()
    const expected = (await onePass(batches)).get('b.fleet')!
    const live = partition.live.get('b.fleet')!
    const filled = await partition.filled('b.fleet')
    expect([live.length > 0, filled.length > 0]).toEqual([true, true])
    expect(held([...filled, ...live])).toEqual(held(expected))
    expect(await partition.filled('b.fleet.late')).toEqual([])
  })

  it('W-BACKFILL-2 waits for a session that began in the range, however long it goes on, and for late events', async () => {
    const batches = [
      batch(START, at(0)),
      // Of one session, which the live window does not put out: it has not seen its start.
      ...Array.from({ length: 10 }, (_, n) => batch(START + 1 + n, at(2_000 * (n + 1)))),
      batch(START + 20, at(24_000, 1, 'y')),
      batch(START + 21, at(22_500)),
    ]
    await runInParts('b.session', batches.slice(0, 8), [...batches.slice(8), closing()])
    expect(held(await partition.filled('b.session'))).toEqual({ 'x/0-25500': { sum: 12, list: Array(12).fill(1) } })
  })

  it('W-BACKFILL-2 takes late events of its last windows as long as the live window would', async () => {
    const batches = [batch(START, at(1_000)), batch(START + 1, at(12_500)), batch(START + 2, at(2_000, 5)), closing()]
    await runInParts('b.tumbling', batches.slice(0, 2), batches.slice(2))
    expect((await partition.filled('b.tumbling')).map(({ data }) => (data as Pane).value)).toEqual([
      { sum: 1, list: [1] },
      { sum: 6, list: [1, 5] },
    ])
  })

  it('W-BACKFILL-2 fills the windows that start in the range, and of overlapping ranges each window once', async () => {
    const batches = [
      batch(START, ...[1, 11_000, 21_000, 31_000, 41_000].map((time) => at(time))),
      batch(START + 1, at(52_000)),
      closing(),
    ]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 1))
    await partition.runLive(after, batches.slice(1))
    const fill = async (from: number | 'earliest', to?: number) => {
      const started = await partition.start(after, 'b.tumbling', { from, ...(to !== undefined && { to: START + to }) })
      await partition.job(after, 'b.tumbling').run()
      return started.nothing
    }
    const starts = async () => (await partition.filled('b.tumbling')).map(({ data }) => (data as Pane).start - START)
    expect(await fill(START + 5_000, 20_000)).toBeUndefined()
    expect(await starts()).toEqual([10_000])
    expect(await fill(START + 10_000, 40_000)).toBeUndefined()
    expect(await starts()).toEqual([10_000, 20_000, 30_000])
    expect(await fill(START + 10_000, 40_000)).toContain('filled in that range already')
    expect(await fill('earliest')).toBeUndefined()
    expect(await starts()).toEqual([10_000, 20_000, 30_000, 0, 40_000])
    expect(await fill(START + 60_000)).toContain('itself has everything in that range')
    expect(partition.live.get('b.tumbling')!.map(({ data }) => (data as Pane).start - START)).toEqual([50_000])
  })

  it('W-BACKFILL-2 reads on until nothing of its windows can change, at the end of the log as long as that takes', async () => {
    await runInParts(
      'b.tumbling',
      [batch(START, at(1_000)), batch(START + 10, at(2_000))],
      [batch(START + 500, at(8_000, 5)), closing()],
    )
    expect(await partition.store('b.tumbling').ledger.record()).toMatchObject({ status: 'done' })
    expect(held(await partition.filled('b.tumbling'))).toEqual({ 'x/0-10000': { sum: 7, list: [1, 1, 5] } })
  })

  it('W-BACKFILL-11 closes its last windows at the end of the log if it was told that no more input comes', async () => {
    const batches = [batch(START, at(1_000))]
    await partition.append(batches)
    await partition.runLive(before, batches)
    await partition.runLive(after, [])
    // Not late enough for an idle input to pass the end of the window.
    partition.now = START + 12_500
    await partition.start(after, 'b.tumbling', { from: 'earliest', end: true })
    await partition.job(after, 'b.tumbling').run()
    expect(held(await partition.filled('b.tumbling'))).toEqual({ 'x/0-10000': { sum: 1, list: [1] } })
    expect(await partition.store('b.tumbling').ledger.record()).toMatchObject({ status: 'done' })
  })

  it('W-BACKFILL-2 ends when the live window expects nothing more of its windows', async () => {
    const batches = [batch(START, at(1_000))]
    await partition.append(batches)
    await partition.runLive(before, batches)
    await partition.runLive(after, [])
    partition.now = START + 20
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    const clocks = JSON.parse((await redis.hget(keys.meta(0), 'clocks'))!)
    // It was idle for long enough.
    clocks.watermarks['b.tumbling'] = START + 60_000
    await redis.hset(keys.meta(0), 'clocks', JSON.stringify(clocks))
    await partition.job(after, 'b.tumbling').run()
    expect(held(await partition.filled('b.tumbling'))).toEqual({ 'x/0-10000': { sum: 1, list: [1] } })
  })

  it('W-BACKFILL-4 leaves later results in their place, lets others overtake, carries no watermark, runs nothing behind', async () => {
    const batches = [
      batch(START, at(1_000, 1, 'x'), at(1_000, 2, 'y'), at(11_000, 3, 'x')),
      batch(START + 1, at(25_000, 4, 'x')),
      closing(),
    ]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 1))
    await partition.runLive(after, batches.slice(1))
    const current = currentKey(0, 'b.tumbling')
    const live = partition.live.get('b.tumbling')!.find(({ key }) => key === 'x')!
    await redis.hset(current, 'x', `5-0.0 ${JSON.stringify(live)}`)
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    await partition.job(after, 'b.tumbling').run()
    expect(await redis.hget(current, 'x')).toBe(`5-0.0 ${JSON.stringify(live)}`)
    expect(await redis.hget(current, 'y')).toContain('"sum":2')
    const entries = await partition.entries('b.tumbling')
    expect(entries.map(({ header, watermark }) => [JSON.parse(header).l, watermark])).toEqual(
      entries.map(() => ['l', undefined]),
    )
    expect(await partition.filled('b.loud')).toEqual([])
  })

  it('W-BACKFILL-6 a log that was trimmed in spite of it ends it, and what is out is not put out again', async () => {
    const batches = [batch(START, at(1_000)), batch(START + 1, at(31_000)), batch(START + 2, at(61_000)), closing()]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 3))
    await partition.runLive(after, batches.slice(3))
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    const { entries } = await partition.store('b.tumbling').readOn(new Map([['a.reading', '0-0']]))
    expect(entries).toHaveLength(4)
    await redis.xtrim(keys.log(0, 'a.reading'), 'MINID', `${START + 1}-0`)
    await redis.hset(keys.meta(0), 'trim:a.reading', `${START}-0`)
    await partition.job(after, 'b.tumbling').run()
    expect(await partition.store('b.tumbling').ledger.record()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('removed by retention'),
    })
  })

  it('W-BACKFILL-6 ends when the definition has changed, or when its workers keep ending', async () => {
    const batches = [batch(START, at(1_000)), batch(START + 1, at(31_000)), closing()]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 1))
    await partition.runLive(after, batches.slice(1))
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    const changed = defineConfig({
      topics: [reading, readBefore, reading.window('b.tumbling', { tumbling: '20s', ...options })],
    })
    await partition.job(changed, 'b.tumbling').run()
    const store = partition.store('b.tumbling')
    expect(await store.ledger.record()).toMatchObject({
      status: 'failed',
      reason: 'the definition of the window has changed',
    })
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    await redis.hset(keys.backfill(0, 'b.tumbling'), 'takes', 3)
    await partition.job(after, 'b.tumbling').run()
    expect(await store.ledger.record()).toMatchObject({ status: 'failed', reason: expect.stringContaining('workers') })
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    await partition.job(after, 'b.tumbling').run()
    expect(await store.ledger.record()).toMatchObject({ status: 'done' })
    expect(held(await partition.filled('b.tumbling'))).toEqual({ 'x/0-10000': { sum: 1, list: [1] } })
  })

  it('W-BACKFILL-6 ends when the window has gone from the config of the workers', async () => {
    const batches = [batch(START, at(1_000)), closing()]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 1))
    await partition.runLive(after, batches.slice(1))
    const pool = new BackfillPool({ bus: opened.bus, contract: before.contract, log: () => {} })
    try {
      await partition.start(after, 'b.tumbling', { from: 'earliest' })
      await expect.poll(async () => (await partition.store('b.tumbling').ledger.record())?.status).toBe('failed')
      expect((await partition.store('b.tumbling').ledger.record())!.reason).toContain('there is no window b.tumbling')
      await expect.poll(() => redis.smembers(keys.backfills)).toEqual([])
    } finally {
      await pool.close(1_000)
    }
  })

  it('W-BACKFILL-7 tells of late events and dead letters that the live window has not seen, and only of them', async () => {
    const batches = [
      batch(START, at(1_000), eventOf('thirteen', 'x', START + 2_000, 13)),
      batch(START + 1, at(61_000)),
      batch(START + 2, eventOf('late', 'x', START + 3_000)),
      batch(START + 3, at(91_000), eventOf('thirteen-live', 'x', START + 2_000, 13)),
      batch(START + 4, eventOf('late-live', 'x', START + 3_000)),
      closing(),
    ]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 3))
    await partition.runLive(after, batches.slice(3))
    await partition.start(after, 'b.picky', { from: 'earliest' })
    await partition.job(after, 'b.picky').run()
    expect(idsOf(await partition.filled('b.picky.late'))).toEqual(['late'])
    expect(idsOf(partition.live.get('b.picky.late'))).toEqual(['late-live'])
    expect(idsOf(await partition.filled('b.picky~dead'))).toEqual(['thirteen'])
  })

  it('W-BACKFILL-10 waits while Redis is full', async () => {
    const batches = [batch(START, at(1_000)), batch(START + 1, at(31_000)), closing()]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 1))
    await partition.runLive(after, batches.slice(1))
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    await redis.config('SET', 'maxmemory', '1')
    try {
      const job = partition.job(after, 'b.tumbling')
      const run = job.run()
      await expect.poll(() => redis.hget(keys.backfill(0, 'b.tumbling'), 'token')).not.toBe('')
      // A stopped job ends all the same, and leaves the work.
      setTimeout(() => job.stop(), 50)
      await run
      expect(await partition.store('b.tumbling').ledger.record()).toMatchObject({ status: 'open', commitSeq: 0 })
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    await partition.job(after, 'b.tumbling').run()
    expect(held(await partition.filled('b.tumbling'))).toEqual({ 'x/0-10000': { sum: 1, list: [1] } })
  })

  it('W-BACKFILL-8 pauses between appends close windows as they did then', async () => {
    const batches = [
      batch(START, at(1_000)),
      // A minute of silence: a live worker would have closed the window by it.
      batch(START + 60_000, eventOf('late', 'x', START + 2_000), at(65_000)),
      closing(),
    ]
    await partition.append(batches)
    await partition.runLive(before, batches.slice(0, 2))
    await partition.runLive(after, batches.slice(2))
    await partition.start(after, 'b.tumbling', { from: 'earliest' })
    await partition.job(after, 'b.tumbling').run()
    expect(idsOf(await partition.filled('b.tumbling.late'))).toEqual(['late'])
    expect(held(await partition.filled('b.tumbling'))).toMatchObject({ 'x/0-10000': { sum: 1 } })
  })
})
