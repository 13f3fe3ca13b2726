import { expect, it, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { EntrySource } from '../../src/own/entry-source.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const CURSORS = new Map([['sensor.reading', '0-0']])
const WAIT_MS = 50
const SLEEP_MS = 400

const { server } = await useRedis()
const opened = useBus(server, 1)

/** Keeps the process from running, as a busy machine or SIGSTOP does. */
function sleepAll(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

it('W-CLOCK-3 an empty log is known as of when Redis had waited, however late the answer is read', async () => {
  const source = new EntrySource(0, opened.bus, systemClock)
  await vi.waitFor(() => source.read(CURSORS, 0), { timeout: 5_000 })
  const askedAt = systemClock.now()
  const reading = source.read(CURSORS, WAIT_MS)
  // The request is on its way.
  await new Promise((resolve) => setTimeout(resolve, 10))
  sleepAll(SLEEP_MS)
  const { entries, polledAt } = await reading
  expect(entries).toEqual([])
  expect(polledAt - askedAt).toBeGreaterThanOrEqual(WAIT_MS)
  expect(polledAt - askedAt).toBeLessThan(WAIT_MS + 20)
  source.close()
})

it('W-CLOCK-3 a read that was woken is as of when it was asked', async () => {
  const source = new EntrySource(0, opened.bus, systemClock)
  await vi.waitFor(() => source.read(CURSORS, 0), { timeout: 5_000 })
  const askedAt = systemClock.now()
  const reading = source.read(CURSORS, 5_000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  source.wake()
  expect((await reading).polledAt - askedAt).toBeLessThan(20)
  source.close()
})
