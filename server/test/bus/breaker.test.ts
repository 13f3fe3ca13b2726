import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { CircuitState } from 'cockatiel'
import { describe, expect, it } from 'vitest'
import { BREAKER_LIMITS, BusUnavailable, type GuardState } from '../../src/bus/index.ts'
import { MonotonicReset, ShareBreaker } from '../../src/bus/nodes/breaker.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'

const works = () => Promise.resolve('OK')
const fails = () => Promise.reject(new Error('Command timed out'))
const refuses = () => Promise.reject(Object.assign(new Error('WRONGTYPE no such thing'), { name: 'ReplyError' }))
const silent = (error: unknown) => error

function guardOf(limits: Partial<typeof BREAKER_LIMITS> = {}) {
  const changes: GuardState['state'][] = []
  const guard = new Guard('query', {
    limits: { ...BREAKER_LIMITS, ...limits },
    onChange: ({ state }) => changes.push(state),
  })
  return { guard, changes }
}

describe('guard', () => {
  it('B-GUARD-1 opens after so many failures in a row, then refuses at once with when to try again', async () => {
    const { guard, changes } = guardOf({ failures: 3, resetMs: 10_000 })
    for (const call of [fails, fails, works, fails, fails]) await guard.run(call).catch(silent)
    expect(guard.state.state).toBe('closed')
    await guard.run(fails).catch(silent)
    expect(changes).toEqual(['open'])
    const startedAt = performance.now()
    const error = await guard.run(works).catch(silent)
    expect(performance.now() - startedAt).toBeLessThan(5)
    expect(error).toBeInstanceOf(BusUnavailable)
    expect(guard.retryAfterMs).toBeGreaterThan(9_000)
    expect(guard.retryAfterMs).toBeLessThanOrEqual(12_500)
  })

  it('B-GUARD-1 counts calls that fail side by side once', async () => {
    const { guard, changes } = guardOf({ failures: 3 })
    const stall = () => Promise.all(Array.from({ length: 8 }, () => guard.run(later).catch(silent)))
    const later = () => new Promise((resolve) => setTimeout(resolve, 5)).then(fails)
    expect((await stall()).every((error) => error instanceof BusUnavailable)).toBe(true)
    await stall()
    expect(changes).toEqual([])
    await stall()
    expect(changes).toEqual(['open'])
  })

  it('B-GUARD-1 opens when too large a share fails, however it is spread', async () => {
    const { guard, changes } = guardOf({ failures: 1_000, failureShare: 0.3 })
    for (let i = 0; i < 60 && changes.length === 0; i++) await guard.run(i % 2 === 0 ? fails : works).catch(silent)
    expect(changes).toEqual(['open'])
    const calm = guardOf({ failures: 1_000, failureShare: 0.3 })
    for (let i = 0; i < 60; i++) await calm.guard.run(i % 10 === 0 ? fails : works).catch(silent)
    expect(calm.changes).toEqual([])
  })

  it('B-GUARD-2 lets one call through after the reset, and closes if it is answered', async () => {
    const { guard, changes } = guardOf({ failures: 1, resetMs: 20 })
    await guard.run(fails).catch(silent)
    await sleep(30)
    await guard.run(fails).catch(silent)
    await sleep(30)
    expect(await guard.run(works)).toBe('OK')
    expect(changes).toEqual(['open', 'half_open', 'open', 'half_open', 'closed'])
  })

  it('B-GUARD-9 says why: the breaker, and whatever it refuses', async () => {
    const { guard } = guardOf({ failures: 1, resetMs: 10_000 })
    expect(guard.state).not.toHaveProperty('why')
    const message = 'NOREPLICAS Not enough good replicas to write.'
    await guard.run(() => Promise.reject(Object.assign(new Error(message), { name: 'ReplyError' }))).catch(silent)
    expect(guard.state.why).toMatch(/^too few replicas follow it/)
    expect(await guard.run(works).catch(silent)).toMatchObject({
      message: expect.stringMatching(/calls are held back: too few replicas follow it.*min-replicas-to-write/),
    })
  })

  it('B-GUARD-4 a call without an answer in time failed, and may have run', async () => {
    const guard = new Guard('append', { deadlineMs: 20 })
    const startedAt = performance.now()
    const error = await guard.run(() => new Promise(() => {})).catch(silent)
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect(error).toMatchObject({ name: 'BusUnavailable', outcome: 'unknown' })
  })

  it('B-GUARD-4 an answer that lies in the socket counts, however long the event loop was busy', async () => {
    // The answer comes by a thread of its own while this one is busy.
    const worker = new Worker(
      `const { createServer } = require('node:net')
       const { parentPort } = require('node:worker_threads')
       const server = createServer((socket) => socket.once('data', () => socket.write('OK')))
       server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`,
      { eval: true },
    )
    const [port] = (await once(worker, 'message')) as [number]
    const asked = connect(port, '127.0.0.1')
    await once(asked, 'connect')
    const guard = new Guard('append', { deadlineMs: 30 })
    const answer = guard.run(() => {
      asked.write('?')
      return once(asked, 'data')
    })
    await new Promise((resolve) => setImmediate(resolve))
    for (const until = performance.now() + 100; performance.now() < until; );
    expect(String((await answer)[0])).toBe('OK')
    asked.destroy()
    await worker.terminate()
  })

  it('B-GUARD-3 what Redis answers is no failure', async () => {
    const { guard, changes } = guardOf({ failures: 1 })
    await expect(guard.run(refuses)).rejects.toThrow('WRONGTYPE')
    expect(changes).toEqual([])
  })

  it('B-GUARD-2 the reset is drawn between itself and a quarter more, each time it opens', () => {
    const draws = [0, 0.5, 0.999]
    const reset = new MonotonicReset(400, () => draws.shift()!)
    expect([reset.next().drawnMs, reset.next().drawnMs, reset.next().drawnMs]).toEqual([400, 450, 500])
  })

  it('B-GUARD-5 what the code around a call throws is neither a failure nor an answer', async () => {
    const { guard, changes } = guardOf({ failures: 2, resetMs: 20 })
    const breaks = () => Promise.reject(new TypeError('a bug'))
    for (let i = 0; i < 100; i++) await expect(guard.run(breaks)).rejects.toBeInstanceOf(TypeError)
    expect(changes).toEqual([])
    await guard.run(fails).catch(silent)
    await guard.run(breaks).catch(silent)
    await guard.run(fails).catch(silent)
    expect(changes).toEqual(['open'])
    await sleep(30)
    await expect(guard.run(breaks)).rejects.toBeInstanceOf(TypeError)
    expect(changes).toEqual(['open', 'half_open', 'open'])
    await sleep(30)
    await expect(guard.run(refuses)).rejects.toThrow('WRONGTYPE')
    expect(guard.state.state).toBe('closed')
  })

  it('B-GUARD-6 an open breaker asks by itself, again and again, until it is answered', async () => {
    const changes: GuardState['state'][] = []
    let isBack = false
    let asked = 0
    const guard = new Guard('query', {
      limits: { ...BREAKER_LIMITS, failures: 1, resetMs: 20 },
      onChange: ({ state }) => changes.push(state),
      probe: () => {
        asked++
        return isBack ? works() : fails()
      },
    })
    await guard.run(fails).catch(silent)
    await expect.poll(() => asked).toBeGreaterThanOrEqual(2)
    expect(guard.state.state).not.toBe('closed')
    isBack = true
    await expect.poll(() => guard.state.state).toBe('closed')
    const askedThen = asked
    await sleep(150)
    expect(asked).toBe(askedThen)
  })

  it('B-GUARD-6 asks no more once it is closed for good', async () => {
    let asked = 0
    const probe = () => {
      asked++
      return fails()
    }
    const guard = new Guard('query', { limits: { ...BREAKER_LIMITS, failures: 1, resetMs: 10 }, probe })
    await guard.run(fails).catch(silent)
    guard.close()
    await sleep(150)
    expect(asked).toBe(0)
  })

  it('B-GUARD-7 an answer that keeps arriving has more time, and is no failure when that is over', async () => {
    const changes: GuardState['state'][] = []
    const guard = new Guard('query', {
      deadlineMs: 50,
      limits: { ...BREAKER_LIMITS, failures: 1 },
      onChange: ({ state }) => changes.push(state),
    })
    let bytes = 0
    const arriving = setInterval(() => bytes++, 10)
    const late = () => sleep(120).then(works)
    expect(await guard.run(late, { receivedBytes: () => bytes })).toBe('OK')
    const never = await guard.run(() => new Promise(() => {}), { receivedBytes: () => bytes }).catch(silent)
    expect(never).toMatchObject({ name: 'BusUnavailable', outcome: 'unknown', wasAnswering: true })
    expect(changes).toEqual([])
    clearInterval(arriving)
    await guard.run(() => new Promise(() => {}), { receivedBytes: () => bytes }).catch(silent)
    expect(changes).toEqual(['open'])
  })

  it('B-GUARD-8 is open for as long as it says, wherever the wall clock is set meanwhile', async () => {
    const { guard } = guardOf({ failures: 1, resetMs: 60 })
    const realNow = Date.now
    try {
      await guard.run(fails).catch(silent)
      Date.now = () => realNow() - 3_600_000
      expect(guard.retryAfterMs).toBeLessThanOrEqual(75)
      await sleep(90)
      expect(await guard.run(works)).toBe('OK')
      await guard.run(fails).catch(silent)
      Date.now = () => realNow() + 3_600_000
      expect(guard.retryAfterMs).toBeGreaterThan(0)
      await expect(guard.run(works)).rejects.toBeInstanceOf(BusUnavailable)
    } finally {
      Date.now = realNow
    }
  })

  it('B-GUARD-8 counts the calls of the last seconds by the monotonic clock', () => {
    let now = 1e9
    const breaker = new ShareBreaker(0.5, () => now)
    for (let i = 0; i < 19; i++) expect(breaker.failure()).toBe(false)
    expect(breaker.failure()).toBe(true)
    now += 6_000
    for (let i = 0; i < 19; i++) expect(breaker.failure()).toBe(false)
    for (let i = 0; i < 40; i++) breaker.success(CircuitState.Closed)
    expect(breaker.failure()).toBe(false)
    expect(breaker.state).toHaveLength(1)
  })
})
