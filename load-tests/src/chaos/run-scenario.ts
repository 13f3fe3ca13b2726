import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/connection.ts'
import { slotOf } from '../../../server/src/bus/hash-slot.ts'
import { keys } from '../../../server/src/bus/keys.ts'
import { createRandom } from '../support/random.ts'
import { readStoredEvents, type StoredEvent } from '../support/stored-events.ts'
import { Deployment } from './deployment.ts'
import { findDerivedFaults } from './derived.ts'
import { type Fates, judge } from './fates.ts'
import { openFronts } from './fronts.ts'
import { Probes } from './probes.ts'
import { Pulses } from './pulses.ts'
import type { Result } from './result.ts'
import type { Scenario } from './scenario.ts'
import { SteadyLoad } from './steady-load.ts'
import { missedBy, timingsOf } from './timings.ts'
import { TOPICS, type WatchedTopic, Watcher } from './watcher.ts'

const START_DEADLINE_MS = 20_000
/** Load before the disturbance: enough to compile what is hot, and for Redis to have something to lose. */
const WARM_UP_MS = 2_000
const WARM_UP_JITTER_MS = 500
/** Load after its end, at least. */
const AFTERWARDS_MS = 1_500
const RECOVERY_DEADLINE_MS = 15_000
/** Windows close when their input has been idle for 2 s and their time is over. */
const DRAIN_DEADLINE_MS = 12_000
/** Duplicates get this long to arrive. */
const REPEAT_MS = 500
const POLL_MS = 25
/**
 * How long before a disturbance an acknowledged event may be too old to be sent again by its producer, ms. What was
 * acknowledged later is lost if a producer that still lives did not restore it.
 */
const RESENT_MS = 2_000

/** Runs one scenario on a deployment of its own, and accounts for every event. */
export async function runScenario(
  scenario: Scenario,
  seed: number,
  say: (message: string) => void = () => {},
): Promise<Result> {
  const startedAt = performance.now()
  const random = createRandom(seed)
  const deployment = await Deployment.start(scenario.deployment, random)
  const closing: (() => void | Promise<void>)[] = [() => deployment.close()]
  try {
    const fronts = await openFronts(deployment)
    closing.push(...fronts.map((front) => () => front.close()))
    const urlOf = (i: number) => `http://127.0.0.1:${fronts[i % fronts.length]!.port}`
    const steady = deployment.gateways.map(
      ({ name }, i) => new Watcher({ name: `subscriber of ${name}`, url: urlOf(i) }),
    )
    const slow = (scenario.slowSubscribers ?? []).map((options, i) => new Watcher({ ...options, url: urlOf(i) }))
    const watchers = [...steady, ...slow]
    closing.push(...watchers.map((watcher) => () => watcher.close()))
    const probes = new Probes(deployment)
    closing.push(() => probes.stop())
    const pulses = scenario.deployment.cluster && new Pulses(urlOf(0))
    closing.push(() => pulses?.stop())
    await within(START_DEADLINE_MS, 'a deployment that is ready', () => probes.isGreen(deployment.gateways))
    await Promise.all(watchers.map((watcher) => watcher.ready()))
    const load = new SteadyLoad(urlOf(0), random, scenario.load)
    closing.push(() => load.stop())
    await flows(load, steady, deployment, START_DEADLINE_MS)
    await sleep(WARM_UP_MS + random() * WARM_UP_JITTER_MS)

    let beganAt = performance.now()
    let servedAt: number | undefined
    let hit: readonly number[] | undefined
    const begin = (partitions?: readonly number[]) => {
      beganAt = performance.now()
      hit = partitions
      probes.rebase()
      load.endOrphan()
      say('disturbed')
    }
    const beside: Promise<unknown>[] = []
    const served = () => {
      servedAt = performance.now()
    }
    await scenario.disturb({ deployment, random, load, slow, beside, begin, served })
    const endedAt = performance.now()
    say('its cause is over')
    const faults: string[] = []
    const flowDeadlineMs = Math.max(RECOVERY_DEADLINE_MS, 1.5 * (scenario.recoversInMs ?? 0))
    const flowedAt = await flows(load, steady, deployment, flowDeadlineMs)
    if (flowedAt === undefined) faults.push(...steady.map(({ name, still }) => `${name} misses ${still.join(', ')}`))
    await Promise.all(beside)
    await until(RECOVERY_DEADLINE_MS, () => probes.isGreen(deployment.gateways))
    await sleep(AFTERWARDS_MS)
    await load.stop()
    probes.stop()
    say('draining')
    const { fates, derived } = await drainAndJudge(
      deployment,
      load,
      watchers,
      scenario.mayLose ? beganAt - RESENT_MS : undefined,
      scenario.rollout,
    )
    for (const { name, isAlive } of deployment.members) if (!isAlive) faults.push(`${name} ended by itself`)
    if (fates.lost + fates.duplicated > 0) faults.push(...fates.examples)
    faults.push(...derived)
    const bus = [load, ...watchers].flatMap((client) => client.bus).filter(({ change }) => change.class === 'append')
    const timings = timingsOf({
      probes,
      gateways: deployment.gateways,
      bus: bus.map(({ at, change }) => ({ at, isOpen: change.state === 'open' })).sort((a, b) => a.at - b.at),
      beganAt,
      endedAt,
      flowedAt,
      pulses,
      hit,
      servedAt: servedAt ?? endedAt,
    })
    const missed = missedBy(timings, scenario)
    if (!scenario.mayLose) {
      for (const [code, count] of load.rejected) {
        if (code === 'outbox_full' && scenario.mayFillOutbox) continue
        missed.push(`the SDK gave up ${count} events: ${code}`)
      }
    }
    const { examples: _, ...counts } = fates
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
    for (const close of closing.reverse()) await close()
  }
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

interface Account {
  readonly fates: Fates
  /** Missing or wrong results of workers, in words. */
  readonly derived: readonly string[]
}

/**
 * Waits until everything in the log was delivered or reported to every subscriber and is in every result, then judges.
 */
async function drainAndJudge(
  { redisUrl, partitions }: Deployment,
  { events }: SteadyLoad,
  watchers: readonly Watcher[],
  mayBeGoneBefore: number | undefined,
  rollout: Scenario['rollout'],
): Promise<Account> {
  const connections = Array.from({ length: partitions }, (_, partition) =>
    openCommandConnection(redisUrl, 'chaos', { slot: slotOf(keys.meta(partition)) }),
  )
  try {
    await Promise.all(connections.map((connection) => untilReady(connection, DRAIN_DEADLINE_MS)))
    const redisOf = (partition: number) => connections[partition]!
    const isLaterGone = rollout === 'is taken back'
    const brought = rollout === undefined ? [] : BROUGHT
    const look = async (): Promise<Account> => {
      const stored = new Map<WatchedTopic, readonly StoredEvent[]>()
      for (const topic of TOPICS) {
        const each = connections.map((connection, p) => readStoredEvents(connection, p, topic))
        stored.set(topic, (await Promise.all(each)).flat())
      }
      return {
        fates: judge({ published: events, stored, watchers, mayBeGoneBefore }),
        derived: [
          ...(await findDerivedFaults(redisOf, partitions, { isLaterGone })),
          ...(await missing(redisOf, partitions, brought)),
        ],
      }
    }
    const deadline = performance.now() + DRAIN_DEADLINE_MS
    const isIncomplete = ({ fates, derived }: Account) => fates.lost + derived.length > 0
    while (isIncomplete(await look()) && performance.now() < deadline) await sleep(REPEAT_MS)
    await sleep(REPEAT_MS)
    return await look()
  } finally {
    for (const connection of connections) connection.disconnect()
  }
}

/** What `next.config.ts` has more, and is put out whatever is published. */
const BROUGHT = ['chaos.later', 'chaos.later_overall', 'chaos.doubled']

/** Topics that hold nothing, in words. */
async function missing(
  redisOf: (partition: number) => Redis,
  partitions: number,
  topics: readonly string[],
): Promise<string[]> {
  const faults: string[] = []
  for (const topic of topics) {
    let events = 0
    for (let p = 0; p < partitions; p++) events += (await readStoredEvents(redisOf(p), p, topic)).length
    if (events === 0) faults.push(`${topic} is empty`)
  }
  return faults
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
