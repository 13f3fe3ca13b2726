import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, type Redis, untilReady } from '../../../../server/src/bus/redis/connection.ts'
import { untilShared } from '../../support/owners.ts'
import { createRandom } from '../../support/random.ts'
import { accountForReactions, type ReactionAccount } from '../../support/shop/reaction-faults.ts'
import { Deployment, PARTITIONS } from '../deployment.ts'
import { openFronts } from '../fronts.ts'
import { findAccountFaults, findOutcomeFaults } from './account-faults.ts'
import { CommandLoad, type SentCommand } from './command-load.ts'
import type { EntityResult } from './entity-result.ts'
import type { EntityScenario } from './entity-scenario.ts'

const READY_DEADLINE_MS = 20_000
/** Commands before the disturbance: enough to compile what is hot. */
const WARM_UP_MS = 1_500
const WARM_UP_JITTER_MS = 500
/** And after its end. */
const AFTERWARDS_MS = 1_500
const MAX_FAULTS = 10
/** Until what follows from the last commands has happened. */
const REACTIONS_DEADLINE_MS = 10_000
const POLL_MS = 100

/** Runs one scenario on a deployment of its own, and accounts for every command. */
export async function runEntityScenario(
  scenario: EntityScenario,
  seed: number,
  say: (message: string) => void = () => {},
): Promise<EntityResult> {
  const startedAt = performance.now()
  const random = createRandom(seed)
  const deployment = await Deployment.start(scenario.deployment, random)
  const closing: (() => void | Promise<void>)[] = [() => deployment.close()]
  try {
    const fronts = await openFronts(deployment)
    closing.push(...fronts.map((front) => () => front.close()))
    const connect = async () => {
      const redis = openCommandConnection(deployment.redisUrl, 'chaos')
      closing.push(() => redis.disconnect())
      await untilReady(redis, READY_DEADLINE_MS)
      return redis
    }
    const before = await connect()
    await untilShared(before, PARTITIONS)
    const load = new CommandLoad((i) => `http://127.0.0.1:${fronts[i % fronts.length]!.port}`, random)
    closing.push(() => load.close())
    await sleep(WARM_UP_MS + random() * WARM_UP_JITTER_MS)

    const beside: Promise<unknown>[] = []
    closing.push(async () => void (await Promise.allSettled(beside)))
    const hits = await scenario.disturb({ deployment, redis: before, load, random, beside })
    const endedAt = performance.now()
    say(`disturbed: ${hits} met`)
    await Promise.all(beside)
    await sleep(AFTERWARDS_MS)
    await load.stop()
    say('asking for every outcome again')
    await load.askAgain()
    // Another Redis may have taken its place.
    const redis = await connect()
    const { faults, lostWithinGuarantee } = findOutcomeFaults(load.sent, scenario.mayLose === true)
    const ofAccounts = load.sent.filter(({ ask }) => ask.entity === 'account')
    faults.push(...(await findAccountFaults(redis, PARTITIONS, ofAccounts)))
    const reactions = await settledReactions(redis, load.sent)
    faults.push(...reactions.faults)
    for (const { name, isAlive } of deployment.members) if (!isAlive) faults.push(`${name} ended by itself`)
    const waits = load.sent.map((command) => waitOf(command, endedAt))
    const slowestMs = Math.round(Math.max(...waits))
    const { answersInMs } = scenario
    const missed = slowestMs > answersInMs ? [`slowestMs ${slowestMs}, limit ${answersInMs}`] : []
    return {
      scenario: scenario.name,
      seed,
      commands: load.sent.length,
      done: load.sent.filter(({ again }) => again?.kind === 'done').length,
      rejected: load.sent.filter(({ again }) => again?.kind === 'rejected').length,
      events: load.sent.reduce((sum, { again }) => sum + (again?.kind === 'done' ? again.events : 0), 0),
      reactions: reactions.reactions,
      hits,
      waited: load.sent.filter((command) => command.sentAt < endedAt && waitOf(command, endedAt) > 0).length,
      slowestMs,
      lostWithinGuarantee,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      faults: faults.slice(0, MAX_FAULTS),
      missed,
      ok: faults.length === 0 && missed.length === 0,
    }
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

async function settledReactions(redis: Redis, sent: readonly SentCommand[]): Promise<ReactionAccount> {
  const placed = sent.filter(({ ask, again }) => ask.entity === 'order' && again?.kind === 'done')
  const byOrder = new Map(placed.map(({ key, id }) => [key, id]))
  const deadline = performance.now() + REACTIONS_DEADLINE_MS
  for (;;) {
    const account = await accountForReactions(redis, PARTITIONS, byOrder)
    if (account.faults.length === 0 || performance.now() > deadline) return account
    await sleep(POLL_MS)
  }
}

/** How long a command waited for its outcome once it could have had one, ms. */
function waitOf({ sentAt, settledAt }: SentCommand, endedAt: number): number {
  return Math.max(0, (settledAt ?? Number.POSITIVE_INFINITY) - Math.max(sentAt, endedAt))
}
