import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, type Redis, untilReady } from '../../../../server/src/bus/connection.ts'
import { slotOf } from '../../../../server/src/bus/hash-slot.ts'
import { keys } from '../../../../server/src/bus/keys.ts'
import { startCommand } from '../../support/processes.ts'
import { type Deployment, type DeploymentOptions, PARTITIONS } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

const TO = 2 * PARTITIONS
const KILLS = 3
const POLL_MS = 2
const CONNECT_MS = 5_000
/** Publishes wait for as long as everything is stopped. */
const OUTAGE_MS = 180_000
/** Clients that find no gateway wait longer each time, and what they kept comes first. */
const RECOVERS_IN_MS = 20_000

/** Kills a growth at random moments, up to so many ms after it has connected, and lets the last one end. */
async function growKilled(deployment: Deployment, random: () => number, withinMs: number): Promise<void> {
  const { redisUrl } = deployment
  const grow = () => startCommand(['partitions', 'grow', `${TO}`], redisUrl)
  const redis = openCommandConnection(redisUrl, 'chaos', { slot: slotOf(keys.cluster) })
  try {
    await untilReady(redis, CONNECT_MS)
    // What is named as ours counts as a process of the deployment.
    await redis.client('SETNAME', 'chaos')
    let isCut = false
    for (let kill = 0; kill < KILLS; kill++) {
      const growing = grow()
      const ending = growing.ended.then(() => 'ended')
      const killing = isConnected(redis)
        .then(() => sleep(random() * withinMs))
        .then(() => 'killed')
      if ((await Promise.race([ending, killing])) === 'ended') break
      growing.kill()
      await ending.catch(() => {})
      isCut ||= (await redis.hexists(keys.cluster, 'growth')) === 1
    }
    if (!isCut) throw new Error('no growth was cut')
    if ((await redis.hget(keys.cluster, 'partitions')) !== `${TO}`) await grow().ended
  } finally {
    redis.disconnect()
  }
}

async function isConnected(redis: Redis): Promise<void> {
  while (!`${await redis.client('LIST')}`.includes(' name=tidegate-growth ')) await sleep(POLL_MS)
}

const grown = (name: string, about: string, options: DeploymentOptions, withinMs: number): Scenario => ({
  name,
  about: `${PARTITIONS} partitions become ${TO} while everything is stopped, by a growth that is killed ${KILLS} times${about}`,
  deployment: options,
  load: { maxAgeMs: OUTAGE_MS },
  publishing: 'may fail',
  readiness: 'may turn red',
  recoversInMs: RECOVERS_IN_MS,
  async disturb({ deployment, random, begin }) {
    const { gateways, workers } = deployment
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await Promise.all(workers.map((worker) => worker.stop()))
    begin()
    await growKilled(deployment, random, withinMs)
    deployment.partitions = TO
    await Promise.all(deployment.members.map((member) => member.start()))
  },
})

/** Data of a few seconds are soon copied; the masters of a cluster are waited for at each change of phase. */
export const GROWTH: readonly Scenario[] = [
  grown('growth-killed', '', { fsync: 'everysec' }, 300),
  grown(
    'cluster-growth-killed',
    ', on three masters',
    { fsync: 'everysec', cluster: { masters: 3, replicas: 1 } },
    13_000,
  ),
]
