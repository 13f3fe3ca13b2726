import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../support/random.ts'
import type { StoredEvent } from '../support/stored-events.ts'
import { findFaults } from './account.ts'
import { Deployment, PARTITIONS } from './deployment.ts'
import { Keeper } from './keeper.ts'
import { LatestSubscriber } from './latest.ts'
import { type COPY, LATEST, NOTE } from './losses.config.ts'
import { Publishers } from './publishers.ts'
import { createSchedule, describe, type Schedule, type Step } from './schedule.ts'
import { settle } from './settle.ts'
import { Subscriber } from './subscriber.ts'
import { untilNothing, within } from './waits.ts'

export interface RunReport {
  readonly seed: number
  /** What happened to Redis, in words. */
  readonly losses: string
  readonly acknowledged: number
  readonly delivered: number
  readonly gaps: number
  /** Epochs that the logs had in the end, besides the first ones. */
  readonly epochs: number
  readonly faults: readonly string[]
  readonly seconds: number
}

const READY_DEADLINE_MS = 10_000
const STEP_DEADLINE_MS = 40_000
const RANDOM_SALT = 0x10_55

/** Everybody who subscribes in a run. */
type Everybody = readonly (Subscriber | LatestSubscriber)[]

/** Runs the schedule of a seed on a Redis of its own, and compares what each subscriber was told with the logs. */
export async function run(seed: number, mostLosses?: number): Promise<RunReport> {
  const startedAt = performance.now()
  const schedule = createSchedule(seed, mostLosses)
  const deployment = await Deployment.start(schedule.isOwn)
  const urlOf = (gateway: number) => deployment.urlOf(gateway)
  const subscribers = schedule.subscribers.map((plan, i) => new Subscriber(i, plan, urlOf))
  const folds = LATEST.map((topic, i) => new LatestSubscriber(topic, i % 2, urlOf))
  const everybody = [...subscribers, ...folds]
  const keepers = [0, 1].map((gateway) => new Keeper(urlOf(gateway)))
  const faults: string[] = []
  let publishers: Publishers | undefined
  let stored = new Map<typeof NOTE | typeof COPY, StoredEvent[]>()
  try {
    await untilNothing(READY_DEADLINE_MS, () =>
      everybody.filter(({ isReady }) => !isReady).map(({ name }) => `${name} to be ready`),
    )
    publishers = new Publishers(urlOf, createRandom(seed ^ RANDOM_SALT))
    await perform(schedule, deployment, everybody)
    publishers.stop()
    stored = await settle(deployment, publishers, subscribers, folds, keepers)
    const { notes, refused } = publishers
    faults.push(...refused.map((each) => `refused: ${each}`))
    faults.push(...findFaults({ notes, stored, subscribers, losses: deployment.losses, ends: deployment.ends }))
  } catch (error) {
    faults.push((error as Error).message)
  } finally {
    await Promise.all([...everybody, ...keepers].map((each) => each.close()))
    await publishers?.close()
    await deployment.close()
  }
  faults.push(...everybody.flatMap(({ errors }) => errors), ...deployment.defects)
  const told = subscribers.flatMap((each) => [...each.told.values()].flat())
  return {
    seed,
    losses: describe(schedule),
    acknowledged: publishers?.notes.filter(({ ack }) => ack !== undefined).length ?? 0,
    delivered: told.filter(({ kind }) => kind === 'event').length,
    gaps: told.filter(({ kind }) => kind === 'gap').length,
    epochs: Math.max(0, new Set(stored.get(NOTE)?.map(({ at }) => `${at.partition} ${at.epoch}`)).size - PARTITIONS),
    faults,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  }
}

async function perform(schedule: Schedule, deployment: Deployment, everybody: Everybody): Promise<void> {
  const startedAt = performance.now()
  const beside: Promise<unknown>[] = []
  /** What happens to Redis and gateways happens one after the other. */
  let below: Promise<void> = Promise.resolve()
  const inTurn = (what: string, action: () => Promise<void>) => {
    below = below.then(() => within(STEP_DEADLINE_MS, what, action()))
    below.catch(() => {})
  }
  for (const step of schedule.steps) {
    await sleep(Math.max(0, startedAt + step.at - performance.now()))
    switch (step.do) {
      case 'mark':
        inTurn('a mark', () => deployment.mark())
        break
      case 'lose':
        inTurn('Redis to be lost and back', () => deployment.lose(step))
        break
      case 'restart':
        inTurn('a gateway to restart', () => deployment.restart(step.gateway))
        break
      case 'leave':
        beside.push(leaveAndReturn(everybody[step.subscriber]!, step))
    }
  }
  await sleep(Math.max(0, startedAt + schedule.lengthMs - performance.now()))
  await below
  await Promise.all(beside)
}

async function leaveAndReturn(who: Everybody[number], { absentMs, elsewhere }: Extract<Step, { do: 'leave' }>) {
  if (!(await who.leave(elsewhere))) return
  await sleep(absentMs)
  who.enter()
}
