import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../support/random.ts'
import { Deployment } from './deployment.ts'
import { type Account, drainAndJudge } from './drain.ts'
import { openFronts } from './fronts.ts'
import { Probes } from './probes.ts'
import { Pulses } from './pulses.ts'
import type { Result } from './result.ts'
import type { Scenario } from './scenario.ts'
import { SteadyLoad } from './steady-load.ts'
import { missedBy, type Timings, timingsOf } from './timings.ts'
import { Watcher } from './watcher.ts'

const START_DEADLINE_MS = 20_000
/** Load before the disturbance: enough to compile what is hot, and for Redis to have something to lose. */
const WARM_UP_MS = 2_000
const WARM_UP_JITTER_MS = 500
/** Load after its end, at least. */
const AFTERWARDS_MS = 1_500
const RECOVERY_DEADLINE_MS = 15_000
const POLL_MS = 25
/**
 * How long before a disturbance an acknowledged event may be too old to be sent again by its producer, ms. What was
 * acknowledged later is lost if a producer that still lives did not restore it.
 */
const RESENT_MS = 2_000

/** What has to be closed, in the order in which it was opened. */
type Opened = (() => void | Promise<void>)[]

/** A deployment under load, with everybody who watches it. */
interface Field {
  readonly deployment: Deployment
  readonly load: SteadyLoad
  /** They keep up. */
  readonly steady: readonly Watcher[]
  readonly slow: readonly Watcher[]
  readonly probes: Probes
  readonly pulses: Pulses | undefined
}

/** Times are `performance.now()`. */
interface Disturbance {
  readonly beganAt: number
  readonly endedAt: number
  readonly servedAt: number
  readonly hit: readonly number[] | undefined
  /** Continues beside the recovery. */
  readonly beside: readonly Promise<unknown>[]
}

/** Runs one scenario on a deployment of its own, and accounts for every event. */
export async function runScenario(
  scenario: Scenario,
  seed: number,
  say: (message: string) => void = () => {},
): Promise<Result> {
  const startedAt = performance.now()
  const random = createRandom(seed)
  const deployment = await Deployment.start(scenario.deployment, random)
  const opened: Opened = [() => deployment.close()]
  try {
    const field = await openField(scenario, deployment, random, opened)
    const { load, steady, slow, probes } = field
    await sleep(WARM_UP_MS + random() * WARM_UP_JITTER_MS)
    const disturbance = await disturb(scenario, field, random, say)
    say('its cause is over')
    const flowDeadlineMs = Math.max(RECOVERY_DEADLINE_MS, 1.5 * (scenario.recoversInMs ?? 0))
    const flowedAt = await flows(load, steady, deployment, flowDeadlineMs)
    const stuck = flowedAt === undefined ? steady.map(({ name, still }) => `${name} misses ${still.join(', ')}`) : []
    await Promise.all(disturbance.beside)
    await until(RECOVERY_DEADLINE_MS, () => probes.isGreen(deployment.gateways))
    await sleep(AFTERWARDS_MS)
    await load.stop()
    probes.stop()
    say('draining')
    const mayBeGoneBefore = scenario.mayLose ? disturbance.beganAt - RESENT_MS : undefined
    const account = await drainAndJudge(deployment, load, [...steady, ...slow], mayBeGoneBefore, scenario.rollout)
    const faults = [...stuck, ...faultsOf(deployment, account)]
    const timings = timed(field, disturbance, flowedAt)
    const missed = [...missedBy(timings, scenario), ...givenUp(scenario, load)]
    const { examples: _, ...counts } = account.fates
    return {
      scenario: scenario.name,
      seed,
      published: load.events.size,
      ...counts,
      rejected: Object.fromEntries(load.rejected),
      ...timings,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      faults,
      missed,
      ok: faults.length === 0 && missed.length === 0,
    }
  } finally {
    for (const close of opened.reverse()) await close()
  }
}

/** Resolves when events flow. */
async function openField(
  scenario: Scenario,
  deployment: Deployment,
  random: () => number,
  opened: Opened,
): Promise<Field> {
  const fronts = await openFronts(deployment)
  opened.push(...fronts.map((front) => () => front.close()))
  const urlOf = (i: number) => `http://127.0.0.1:${fronts[i % fronts.length]!.port}`
  const steady = deployment.gateways.map(({ name }, i) => new Watcher({ name: `subscriber of ${name}`, url: urlOf(i) }))
  const slow = (scenario.slowSubscribers ?? []).map((options, i) => new Watcher({ ...options, url: urlOf(i) }))
  const watchers = [...steady, ...slow]
  opened.push(...watchers.map((watcher) => () => watcher.close()))
  const probes = new Probes(deployment)
  opened.push(() => probes.stop())
  const { cluster, sentinels } = scenario.deployment
  const pulses = (cluster ?? sentinels) && new Pulses(urlOf(0))
  opened.push(() => pulses?.stop())
  await within(START_DEADLINE_MS, 'a deployment that is ready', () => probes.isGreen(deployment.gateways))
  await Promise.all(watchers.map((watcher) => watcher.ready()))
  const load = new SteadyLoad(urlOf(0), random, scenario.load)
  opened.push(() => load.stop())
  await flows(load, steady, deployment, START_DEADLINE_MS)
  return { deployment, load, steady, slow, probes, pulses }
}

/** Resolves when the cause is over. */
async function disturb(
  scenario: Scenario,
  { deployment, load, slow, probes }: Field,
  random: () => number,
  say: (message: string) => void,
): Promise<Disturbance> {
  let beganAt = performance.now()
  let servedAt: number | undefined
  let hit: readonly number[] | undefined
  const beside: Promise<unknown>[] = []
  const begin = (partitions?: readonly number[]) => {
    beganAt = performance.now()
    hit = partitions
    probes.rebase()
    load.endOrphan()
    say('disturbed')
  }
  const served = () => {
    servedAt = performance.now()
  }
  await scenario.disturb({ deployment, random, load, slow, beside, begin, served })
  const endedAt = performance.now()
  return { beganAt, endedAt, servedAt: servedAt ?? endedAt, hit, beside }
}

function faultsOf({ members }: Deployment, { fates, derived }: Account): string[] {
  const ended = members.filter(({ isAlive }) => !isAlive).map(({ name }) => `${name} ended by itself`)
  return [...ended, ...(fates.lost + fates.duplicated > 0 ? fates.examples : []), ...derived]
}

function timed(
  { deployment, load, steady, slow, probes, pulses }: Field,
  disturbance: Disturbance,
  flowedAt: number | undefined,
): Timings {
  const bus = [load, ...steady, ...slow].flatMap((client) => client.bus)
  const appends = bus.filter(({ change }) => change.class === 'append').sort((a, b) => a.at - b.at)
  return timingsOf({
    ...disturbance,
    probes,
    gateways: deployment.gateways,
    bus: appends.map(({ at, change }) => ({ at, isOpen: change.state === 'open' })),
    flowedAt,
    pulses,
  })
}

/** Events that the SDK gave up although Redis loses nothing, in words. */
function givenUp({ mayLose, mayFillOutbox }: Scenario, { rejected }: SteadyLoad): string[] {
  if (mayLose) return []
  const unexpected = [...rejected].filter(([code]) => code !== 'outbox_full' || mayFillOutbox !== true)
  return unexpected.map(([code, count]) => `the SDK gave up ${count} events: ${code}`)
}

/**
 * Waits until events published from now on have come to every watcher in every topic and partition.
 *
 * @returns when the last one did
 */
async function flows(
  load: SteadyLoad,
  watchers: readonly Watcher[],
  { partitions }: Deployment,
  deadlineMs: number,
): Promise<number | undefined> {
  for (const watcher of watchers) watcher.expectFrom(load.next, partitions)
  const times = () => watchers.map(({ flowedAt }) => flowedAt)
  await until(deadlineMs, () => times().every((at) => at !== undefined))
  return times().every((at) => at !== undefined) ? Math.max(...times().map((at) => at!)) : undefined
}

async function until(deadlineMs: number, isSo: () => boolean): Promise<boolean> {
  for (const deadline = performance.now() + deadlineMs; performance.now() < deadline; await sleep(POLL_MS)) {
    if (isSo()) return true
  }
  return isSo()
}

async function within(deadlineMs: number, what: string, isSo: () => boolean): Promise<void> {
  if (!(await until(deadlineMs, isSo))) throw new Error(`not within ${deadlineMs} ms: ${what}`)
}
