import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@tidegate/client/node'
import { percentile } from '../support/percentile.ts'
import type { ServerProcess } from '../support/processes.ts'
import type config from './entities.config.ts'

const KEYS = 1_000
const TICK_MS = 10
/** 200 a second. */
const PER_TICK = 2
const BEFORE_MS = 1_000
const AFTER_MS = 4_000

export interface Takeover {
  /** The longest that a command took, and the median of those that were sent within a second of the kill. */
  readonly slowestMs: number
  readonly p50Ms: number
}

/** Commands through the SDK while one of two workers is killed with -9. */
export async function measureTakeover(port: number, victim: ServerProcess): Promise<Takeover> {
  const client = createClient<typeof config>({ url: `http://127.0.0.1:${port}` })
  const sent: { readonly at: number; ms: number }[] = []
  const working: Promise<void>[] = []
  const send = async () => {
    const one = { at: performance.now(), ms: Number.POSITIVE_INFINITY }
    sent.push(one)
    await client.command('account', `account-${Math.floor(Math.random() * KEYS)}`, 'deposit', { amount: 1 })
    one.ms = performance.now() - one.at
  }
  const timer = setInterval(() => {
    for (let i = 0; i < PER_TICK; i++) working.push(send())
  }, TICK_MS)
  await sleep(BEFORE_MS)
  const killedAt = performance.now()
  await victim.kill()
  await sleep(AFTER_MS)
  clearInterval(timer)
  await Promise.all(working)
  await client.close({ deadlineMs: 1_000 })
  const during = sent.filter(({ at }) => at >= killedAt && at < killedAt + 1_000).map(({ ms }) => ms)
  return { slowestMs: Math.max(...sent.map(({ ms }) => ms)), p50Ms: percentile(during, 0.5) }
}
