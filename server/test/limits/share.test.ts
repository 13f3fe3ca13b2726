import { describe, expect, it } from 'vitest'
import { Limits, PacedReads, PacedWork, parseLimits, type Reader } from '../../src/limits/index.ts'

/** 500 ms of work a second, of which 20 at once. */
function open(settings = 'address.work=500,caller.work=500') {
  const clock = { now: 0, monotonic: (): number => clock.now }
  const limits = new Limits({ settings: parseLimits(settings), clock })
  const client = (name: string, isLoopback = false) => limits.open({ name, isLoopback, isProxied: false })
  return { clock, limits, client }
}

/** Nothing is left of a share. */
const USED_UP_MS = 20

describe('shares of the event loop', () => {
  it('LIM-SHARE-1 LIM-SHARE-2 whoever uses more than its share while others are active waits until that is paid for', () => {
    const { clock, limits, client } = open()
    const [flood, good] = [client('a'), client('b')]
    limits.observeLoop(0.9)
    good.worked(1)
    for (let i = 0; i < 3; i++) flood.worked(USED_UP_MS)
    expect([flood.workWaitMs(), good.workWaitMs()]).toEqual([80, 0])
    expect(flood.readWaitMs()).toBe(80)
    clock.now += 80
    expect(flood.workWaitMs()).toBe(0)
    good.worked(1)
    flood.worked(1)
    expect(flood.workWaitMs()).toBe(2)
  })

  it('LIM-SHARE-1 nothing is counted for whoever is alone, nor while the loop is not busy', () => {
    const { clock, limits, client } = open()
    const [flood, good] = [client('a'), client('b')]
    for (let i = 0; i < 10; i++) flood.worked(USED_UP_MS)
    good.worked(1)
    flood.worked(USED_UP_MS)
    expect(flood.workWaitMs()).toBe(0)
    limits.observeLoop(0.5)
    flood.worked(USED_UP_MS)
    expect(flood.workWaitMs()).toBe(0)
    limits.observeLoop(0.9)
    for (let i = 0; i < 2; i++) flood.worked(USED_UP_MS)
    expect(flood.workWaitMs()).toBe(40)
    // Nobody else comes any more.
    clock.now += 1_001
    for (let i = 0; i < 10; i++) flood.worked(USED_UP_MS)
    expect(flood.workWaitMs()).toBe(0)
    good.worked(1)
    for (let i = 0; i < 2; i++) flood.worked(USED_UP_MS)
    expect(flood.workWaitMs()).toBeGreaterThan(0)
    // The loop has been idle for ten seconds.
    clock.now += 10_000
    good.worked(1)
    for (let i = 0; i < 5; i++) flood.worked(USED_UP_MS)
    expect(flood.workWaitMs()).toBe(0)
  })

  it('LIM-SHARE-2 LIM-SHARE-4 a step costs 20 ms at most, and whoever is a second behind is refused', () => {
    const { limits, client } = open()
    const [flood, good] = [client('a'), client('b')]
    limits.observeLoop(1)
    good.worked(1)
    flood.worked(60_000)
    expect(flood.workWaitMs()).toBe(0)
    for (let i = 0; i < 25; i++) flood.worked(60_000)
    expect(flood.overworked()).toBeUndefined()
    flood.worked(1)
    expect(flood.overworked()).toMatchObject({ limit: 'address.work', code: 'rate_limited', retryAfterMs: 1_002 })
    expect(good.overworked()).toBeUndefined()
  })

  it('LIM-SHARE-3 a caller pays for itself, whoever else is at its address, and loopback has no share', () => {
    const { limits, client } = open()
    const [ann, ben, local] = [client('a'), client('a'), client('127.0.0.1', true)]
    ann.identify('ann')
    ben.identify('ben')
    limits.observeLoop(1)
    for (let i = 0; i < 3; i++) {
      ben.worked(0.1)
      ann.worked(USED_UP_MS)
      local.worked(USED_UP_MS)
    }
    expect([ann.workWaitMs(), ben.workWaitMs(), client('a').workWaitMs(), local.workWaitMs()]).toEqual([80, 0, 0, 0])
    expect(ann.refuseWork().limit).toBe('caller.work')
  })
})

it('G-SHARE-5 what replays, snapshots and queries read counts with the work on it, and further reads wait', async () => {
  const { clock, limits, client } = open()
  const [reader, good] = [client('a'), client('b')]
  limits.observeLoop(1)
  good.worked(1)
  for (let turns = 0; turns < 25; turns++) {
    reader.chargeRead(0, true)
    reader.chargeRead(0, true)
    clock.now += 2
    await new Promise((resolve) => setImmediate(resolve))
  }
  // 50 ms were used, of the 20 there were and the 24 that have grown since the first turn.
  expect([reader.readWaitMs(), good.readWaitMs()]).toEqual([12, 0])
})

it('LIM-TURN-3 half of the reads under way are for others', async () => {
  const reads = new PacedReads(4)
  const reader = (): Reader => ({ purse: {}, readWaitMs: () => 0, chargeRead: () => {} })
  const [many, few] = [reader(), reader()]
  const running: Reader[] = []
  const ends: (() => void)[] = []
  const run = (of: Reader) =>
    reads.run(of, async () => {
      running.push(of)
      await new Promise<void>((resolve) => ends.push(resolve))
    })
  const all = [...Array.from({ length: 5 }, () => run(many)), run(few)]
  expect(running).toEqual([many, many, few])
  expect(reads.waiting).toBe(3)
  while (running.length < 6 || ends.length > 0) {
    ends.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(all)
  expect(reads.waiting).toBe(0)
})

it('LIM-TURN-4 what is due at the same moment is done a little in each turn, by everybody in turns, and paid for', async () => {
  const { clock, limits, client } = open()
  const [many, few] = [client('a'), client('b')]
  limits.observeLoop(1)
  few.worked(1)
  const work = new PacedWork(clock, { until: () => clock.now + 2 })
  const done: string[] = []
  const run = (of: typeof many, name: string) =>
    work.run(of, () => {
      done.push(name)
      clock.now += 1
    })
  for (let i = 0; i < 5; i++) run(many, `many ${i}`)
  run(few, 'few')
  expect(done).toEqual([])
  const doneByTurn: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    doneByTurn.push(done.length)
  }
  expect(done).toEqual(['many 0', 'few', 'many 1', 'many 2', 'many 3', 'many 4'])
  expect(doneByTurn).toEqual([2, 4, 6])
  // 60 ms of work at once use up more than the share: what follows waits until 40 of them are paid for.
  for (let i = 0; i < 3; i++) many.worked(USED_UP_MS)
  run(many, 'later')
  run(few, 'at once')
  await new Promise((resolve) => setImmediate(resolve))
  expect(done.at(-1)).toBe('at once')
  clock.now += many.workWaitMs()
  while (done.at(-1) !== 'later') await new Promise((resolve) => setTimeout(resolve, 5))
  run(many, 'never')
  work.close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(done.at(-1)).toBe('later')
})
