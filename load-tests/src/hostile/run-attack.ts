import { fileURLToPath } from 'node:url'
import { residentBytes } from '../support/memory.ts'
import { percentile } from '../support/percentile.ts'
import { ask, startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { GoodClient } from './good-client.ts'
import { type Attack, pause } from './scenario.ts'

const CONFIG = fileURLToPath(new URL('./hostile.config.ts', import.meta.url))
/** What the gateway may take under attack from one address: its code, the queues, and what the limits let that address keep. */
export const BUDGET_MB = 512
/** How much later the well-behaved client may be served. */
export const MAX_RATIO = 1.5
/** Below this a ratio says more about the machine than about the gateway, ms. */
const FLOOR_MS = 10
const LIMITS = 'loopback=on'
const LOOK_MS = 100
const SETTLE_MS = 1_000
const ARRIVE_MS = 10_000

export interface AttackResult {
  readonly attack: string
  readonly did: string
  /** From publish to callback at the well-behaved client, before and meanwhile. */
  readonly calmP99Ms: number
  readonly p99Ms: number
  readonly ratio: number
  readonly calmMb: number
  readonly peakMb: number
  /** Refusals by limit. */
  readonly limited: Readonly<Record<string, number>>
  readonly missed: readonly string[]
  readonly ok: boolean
}

export interface AttackTimes {
  readonly calmMs: number
  readonly attackMs: number
}

/** One attack on a gateway of its own. */
export async function runAttack(attack: Attack, { calmMs, attackMs }: AttackTimes): Promise<AttackResult> {
  const redis = await startBenchRedis()
  const gateway = await startTidegate(['gateway', '--port', '0', '--config', CONFIG], {
    REDIS_URL: redis.url,
    TIDEGATE_LIMITS: LIMITS,
    TIDEGATE_LOG_LEVEL: 'error',
  })
  const attacker = startModule(new URL('./attacker.ts', import.meta.url))
  try {
    const good = await GoodClient.start(gateway.port)
    await pause(SETTLE_MS)
    good.takeLatenciesMs()
    await pause(calmMs)
    const calm = good.takeLatenciesMs()
    const calmBytes = await residentBytes(gateway.pid)
    let peakBytes = calmBytes
    const looking = setInterval(() => {
      if (gateway.hasEnded) return
      residentBytes(gateway.pid).then(
        (bytes) => {
          peakBytes = Math.max(peakBytes, bytes)
        },
        () => {},
      )
    }, LOOK_MS)
    const { did } = await ask<{ did: string }>(attacker, { name: attack.name, port: gateway.port, ms: attackMs })
    clearInterval(looking)
    good.stopPublishing()
    const deadline = performance.now() + ARRIVE_MS
    while (good.missing > 0 && performance.now() < deadline) await pause(LOOK_MS)
    const during = good.takeLatenciesMs()
    const limited = gateway.hasEnded ? {} : await refusals(gateway.port)
    const calmP99Ms = percentile(calm, 0.99)
    const p99Ms = percentile(during, 0.99)
    const ratio = p99Ms / Math.max(FLOOR_MS, calmP99Ms)
    const missed = [
      ...(gateway.hasEnded ? ['the gateway has ended'] : []),
      ...(good.missing > 0 ? [`${good.missing} events of the well-behaved client did not arrive`] : []),
      ...(good.failures > 0 ? [`${good.failures} of its publishes failed`] : []),
      ...(ratio <= MAX_RATIO ? [] : [`served ${ratio.toFixed(2)} times as late, limit ${MAX_RATIO}`]),
      ...(peakBytes <= BUDGET_MB * MB ? [] : [`over the budget of ${BUDGET_MB} MB`]),
    ]
    await good.close()
    return {
      attack: attack.name,
      did,
      calmP99Ms: rounded(calmP99Ms),
      p99Ms: rounded(p99Ms),
      ratio: rounded(ratio),
      calmMb: Math.round(calmBytes / MB),
      peakMb: Math.round(peakBytes / MB),
      limited,
      missed,
      ok: missed.length === 0,
    }
  } finally {
    attacker.kill('SIGKILL')
    await gateway.kill()
    await redis.close()
  }
}

const MB = 1_048_576

async function refusals(port: number): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const counts = text.matchAll(/^tidegate_limited_total\{.*limit="([\w.]+)".*\} (\d+)/gm)
  return Object.fromEntries([...counts].map(([, limit, count]) => [limit, Number(count)]))
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
