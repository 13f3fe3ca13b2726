import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { JitteredReset } from '../../src/bus/breaker.ts'
import { BREAKER_LIMITS, BusUnavailable, Guard, type GuardState } from '../../src/bus/index.ts'

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
    await new Promise((resolve) => setTimeout(resolve, 30))
    await guard.run(fails).catch(silent)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(await guard.run(works)).toBe('OK')
    expect(changes).toEqual(['open', 'half_open', 'open', 'half_open', 'closed'])
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
    const reset = new JitteredReset(400, () => draws.shift()!)
    expect([reset.next().duration, reset.next().duration, reset.next().duration]).toEqual([400, 450, 500])
  })
})
