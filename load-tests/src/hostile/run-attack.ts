import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { cpuSeconds, waitedSeconds } from '../support/cpu.ts'
import { residentBytes } from '../support/memory.ts'
import { percentile } from '../support/percentile.ts'
import { ask, startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { EchoControl } from './echo-control.ts'
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
/** The connections of the round before have ended by then, and what they were owed is paid. */
const CALM_DOWN_MS = 1_500
const ARRIVE_MS = 10_000
/** The metrics count intervals between samples, which are so long when nothing is late. */
const LAG_RESOLUTION_MS = 10

export interface AttackResult {
  readonly attack: string
  readonly did: string
  /** From publish to callback at the well-behaved client, before and meanwhile: that of the round with the median ratio. */
  readonly calmP99Ms: number
  readonly p99Ms: number
  /** Median of the rounds: on a busy machine what happens beside moves each of them. */
  readonly ratio: number
  readonly ratios: readonly number[]
  /**
   * The same of the round before them, for which nothing is required but that nothing is lost: code that the attack needs runs for
   * the first time then, and V8 compiles it beside the clients.
   */
  readonly coldP99Ms: number
  readonly coldRatio: number
  /** The same of a bare echo between two other processes: what the machine makes wait, whatever the gateway does. */
  readonly calmEchoP99Ms: number
  readonly echoP99Ms: number
  /** How late the event loop of the gateway was, before and meanwhile: its 99th percentile, and at most. */
  readonly calmLagP99Ms: number
  readonly gatewayLagP99Ms: number
  readonly gatewayLagMaxMs: number
  /** Most of all rounds. */
  readonly calmMb: number
  readonly peakMb: number
  /** Work of the gateway in CPU seconds per second, before and meanwhile. */
  readonly calmCpu: number
  readonly cpu: number
  /** Seconds per second for which its event loop had work and no core, before and meanwhile: what others took, attackers included. */
  readonly calmCoreWait: number
  readonly coreWait: number
  /** Of the attackers, meanwhile. */
  readonly attackerCpu: number
  /** Processes that wanted a core, on average of the last minute. */
  readonly load: number
  /** Refusals by limit. */
  readonly limited: Readonly<Record<string, number>>
  readonly missed: readonly string[]
  readonly ok: boolean
}

export interface AttackOptions {
  /** How long an attack lasts, and the quiet before it. */
  readonly ms: number
  readonly rounds: number
}

/** One attack on a gateway of its own: once to warm it up, as a gateway that runs is, and then several times. */
export async function runAttack(attack: Attack, { ms, rounds }: AttackOptions): Promise<AttackResult> {
  const redis = await startBenchRedis()
  const echo = await EchoControl.start()
  const gateway = await startTidegate(['gateway', '--port', '0', '--config', CONFIG], {
    REDIS_URL: redis.url,
    TIDEGATE_LIMITS: LIMITS,
    TIDEGATE_LOG_LEVEL: 'error',
  })
  try {
    const good = await GoodClient.start(gateway.port)
    const field = { gateway, good, echo }
    await pause(SETTLE_MS)
    const cold = await runRound(attack, field, ms)
    const done: Round[] = []
    while (done.length < rounds && !gateway.hasEnded) done.push(await runRound(attack, field, ms))
    if (done.length === 0) done.push(cold)
    good.stopPublishing()
    const deadline = performance.now() + ARRIVE_MS
    while (good.missing > 0 && performance.now() < deadline) await pause(LOOK_MS)
    const limited = gateway.hasEnded ? {} : await refusals(gateway.port)
    const byRatio = [...done].sort((a, b) => a.ratio - b.ratio)
    const median = byRatio[Math.floor(done.length / 2)]!
    const { ratio } = median
    const all = [cold, ...done]
    const peakMb = Math.max(...all.map((each) => each.peakMb))
    const missed = [
      ...(gateway.hasEnded ? ['the gateway has ended'] : []),
      ...(good.missing > 0 ? [`${good.missing} events of the well-behaved client did not arrive`] : []),
      ...(good.failures > 0 ? [`${good.failures} of its publishes failed`] : []),
      ...(ratio <= MAX_RATIO ? [] : [`served ${ratio} times as late, limit ${MAX_RATIO}`]),
      ...(peakMb <= BUDGET_MB ? [] : [`over the budget of ${BUDGET_MB} MB`]),
    ]
    await good.close()
    return {
      ...median,
      attack: attack.name,
      did: all.map(({ did }) => did).join(' | '),
      ratios: done.map((each) => each.ratio),
      coldP99Ms: cold.p99Ms,
      coldRatio: cold.ratio,
      calmMb: Math.max(...all.map((each) => each.calmMb)),
      peakMb,
      load: rounded(loadavg()[0]!),
      limited,
      missed,
      ok: missed.length === 0,
    }
  } finally {
    echo.close()
    await gateway.kill()
    await redis.close()
  }
}

type Round = Omit<AttackResult, 'attack' | 'ratios' | 'coldP99Ms' | 'coldRatio' | 'load' | 'limited' | 'missed' | 'ok'>

interface Field {
  readonly gateway: { readonly pid: number; readonly port: number; readonly hasEnded: boolean }
  readonly good: GoodClient
  readonly echo: EchoControl
}

/** The quiet, with an attacker that sends nothing, and then the attack, as long as each other. */
async function runRound(attack: Attack, { gateway, good, echo }: Field, ms: number): Promise<Round> {
  // Started before the quiet: loading it takes a second of a core.
  const attacker = startModule(new URL('./attacker.ts', import.meta.url))
  try {
    await ask(attacker, { kind: 'ready' })
    await pause(CALM_DOWN_MS)
    good.takeLatenciesMs()
    echo.takeLatenciesMs()
    await loopLag(gateway.port)
    const calmFrom = await cpuSeconds(gateway.pid)
    const waitedFrom = await waitedSeconds(gateway.pid)
    // The attacker's work is taken from this machine already: only its traffic comes in addition.
    await ask(attacker, { kind: 'spin', ms })
    const calm = good.takeLatenciesMs()
    const calmEcho = echo.takeLatenciesMs()
    const calmLag = await loopLag(gateway.port)
    const calmTo = await cpuSeconds(gateway.pid)
    const waitedCalm = await waitedSeconds(gateway.pid)
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
    const attackerFrom = await cpuSeconds(attacker.pid!)
    const { did } = await ask<{ did: string }>(attacker, { kind: 'attack', name: attack.name, port: gateway.port, ms })
    clearInterval(looking)
    const attackerTo = await cpuSeconds(attacker.pid!)
    const duringEcho = echo.takeLatenciesMs()
    const during = [...good.takeLatenciesMs(), ...good.waitingMs()]
    const to = gateway.hasEnded ? calmTo : await cpuSeconds(gateway.pid)
    const waitedTo = gateway.hasEnded ? waitedCalm : await waitedSeconds(gateway.pid)
    const lag = gateway.hasEnded ? calmLag : await loopLag(gateway.port)
    const calmP99Ms = percentile(calm, 0.99)
    const p99Ms = percentile(during, 0.99)
    return {
      did,
      calmP99Ms: rounded(calmP99Ms),
      p99Ms: rounded(p99Ms),
      ratio: rounded(p99Ms / Math.max(FLOOR_MS, calmP99Ms)),
      calmEchoP99Ms: rounded(percentile(calmEcho, 0.99)),
      echoP99Ms: rounded(percentile(duringEcho, 0.99)),
      calmLagP99Ms: calmLag.p99Ms,
      gatewayLagP99Ms: lag.p99Ms,
      gatewayLagMaxMs: lag.maxMs,
      calmMb: Math.round(calmBytes / MB),
      peakMb: Math.round(peakBytes / MB),
      calmCpu: rounded(((calmTo - calmFrom) * 1_000) / ms),
      cpu: rounded(((to - calmTo) * 1_000) / ms),
      calmCoreWait: rounded(((waitedCalm - waitedFrom) * 1_000) / ms),
      coreWait: rounded(((waitedTo - waitedCalm) * 1_000) / ms),
      attackerCpu: rounded(((attackerTo - attackerFrom) * 1_000) / ms),
    }
  } finally {
    attacker.kill('SIGKILL')
  }
}

const MB = 1_048_576

const metricsOf = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()

/** Of the gateway's event loop since the last call. */
async function loopLag(port: number): Promise<{ readonly p99Ms: number; readonly maxMs: number }> {
  const text = await metricsOf(port)
  const ms = (name: string) => {
    const seconds = new RegExp(`^nodejs_eventloop_lag_${name}_seconds(?:\\{.*\\})? (\\S+)`, 'm').exec(text)?.[1]
    return rounded(Math.max(0, Number(seconds) * 1_000 - LAG_RESOLUTION_MS))
  }
  return { p99Ms: ms('p99'), maxMs: ms('max') }
}

async function refusals(port: number): Promise<Record<string, number>> {
  const text = await metricsOf(port)
  const counts = text.matchAll(/^tidegate_limited_total\{.*limit="([\w.]+)".*\} (\d+)/gm)
  return Object.fromEntries([...counts].map(([, limit, count]) => [limit, Number(count)]))
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
