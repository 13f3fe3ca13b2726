import { setTimeout as sleep } from 'node:timers/promises'
import { keys } from '../../../../server/src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../../../server/src/bus/redis/connection.ts'
import { slotOf } from '../../../../server/src/bus/redis/hash-slot.ts'
import { startCommand } from '../../support/processes.ts'
import { CONFIG, type Deployment, type DeploymentOptions, PARTITIONS } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

const TO = 2 * PARTITIONS
const KILLS = 3
const POLL_MS = 2
const CONNECT_MS = 5_000
const AWAY_MS = 1_000
/** A busy machine takes several times as long as an idle one to start a process. */
const REFUSED_IN_MS = 30_000
/** Publishes wait for as long as everything is stopped. */
const OUTAGE_MS = 180_000
/** Clients that find no gateway wait longer each time, and what they kept comes first. */
const RECOVERS_IN_MS = 20_000

type Grow = (deployment: Deployment, redis: Redis, random: () => number) => Promise<void>

const grow = ({ redisUrl }: Deployment) => startCommand(['partitions', 'grow', `${TO}`], redisUrl)
const isUnderWay = async (redis: Redis) => (await redis.hexists(keys.cluster, 'growth')) === 1
const isGrown = async (redis: Redis) => (await redis.hget(keys.cluster, 'partitions')) === `${TO}`

/** Kills a growth at random moments, up to so many ms after it has connected. */
const killed =
  (withinMs: number): Grow =>
  async (deployment, redis, random) => {
    let isCut = false
    for (let kill = 0; kill < KILLS; kill++) {
      const growing = grow(deployment)
      const ending = growing.ended.then(() => 'ended')
      const killing = isConnected(redis)
        .then(() => sleep(random() * withinMs))
        .then(() => 'killed')
      if ((await Promise.race([ending, killing])) === 'ended') break
      growing.kill()
      await ending.catch(() => {})
      isCut ||= await isUnderWay(redis)
    }
    if (!isCut) throw new Error('no growth was cut')
  }

/** Does something in the middle of a growth, and waits until both have ended. */
const midway =
  (withinMs: number, strike: (deployment: Deployment, random: () => number) => Promise<void>): Grow =>
  async (deployment, redis, random) => {
    const growing = grow(deployment)
    let hasEnded = false
    const ending = growing.ended
      .catch(() => {})
      .finally(() => {
        hasEnded = true
      })
    while (!hasEnded && !(await isUnderWay(redis))) await sleep(POLL_MS)
    await sleep(random() * withinMs)
    if (hasEnded || !(await isUnderWay(redis))) throw new Error('no growth was under way')
    await strike(deployment, random)
    await ending
  }

/** Its replica takes over, and it comes back as the replica of that. */
async function killMaster({ cluster }: Deployment, random: () => number): Promise<void> {
  const masters = await cluster.masters()
  const victim = masters[Math.floor(random() * masters.length)]!
  await victim.kill()
  await cluster.replaced(victim)
  await victim.run()
  await cluster.ready()
}

/** It comes back on its file. */
async function killRedis({ redis }: Deployment): Promise<void> {
  await redis.end('SIGKILL')
  await sleep(AWAY_MS)
  await redis.start()
}

/** A worker and a gateway are refused for as long as the partitions are neither those of before nor those to come. */
async function startTooEarly({ redisUrl }: Deployment): Promise<void> {
  const started = ['worker', 'gateway'].map((command) =>
    startCommand([command, '--config', CONFIG, ...(command === 'gateway' ? ['--port', '0'] : [])], redisUrl),
  )
  const killing = setTimeout(() => started.forEach((one) => void one.kill()), REFUSED_IN_MS)
  const ends = await Promise.allSettled(started.map(({ ended }) => ended))
  clearTimeout(killing)
  for (const end of ends) {
    const said = end.status === 'rejected' ? String(end.reason) : 'it ran'
    if (!said.includes('to finish it')) throw new Error(`started beside a growth: ${said}`)
  }
}

async function isConnected(redis: Redis): Promise<void> {
  while (!`${await redis.client('LIST')}`.includes(' name=tidegate-growth ')) await sleep(POLL_MS)
}

async function connect(redis: Redis): Promise<void> {
  await untilReady(redis, CONNECT_MS)
  // A connection with the name that it has counts as a process of the deployment.
  await redis.client('SETNAME', 'chaos')
}

/** Lets a growth be disturbed, and one that was cut be run again to its end. */
async function growDisturbed(deployment: Deployment, disturb: Grow, random: () => number): Promise<void> {
  const redis = openCommandConnection(deployment.redisUrl, 'chaos', { slot: slotOf(keys.cluster) })
  try {
    await connect(redis)
    await disturb(deployment, redis, random)
    await connect(redis)
    if (!(await isGrown(redis))) await grow(deployment).ended
  } finally {
    redis.disconnect()
  }
}

const grown = (name: string, about: string, options: DeploymentOptions, disturbed: Grow): Scenario => ({
  name,
  about: `${PARTITIONS} partitions become ${TO} while everything is stopped, ${about}`,
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
    await growDisturbed(deployment, disturbed, random)
    deployment.partitions = TO
    await Promise.all(deployment.members.map((member) => member.start()))
  },
})

const KILLED = `by a growth that is killed ${KILLS} times`

/** Data of a few seconds are soon copied; the masters of a cluster are waited for at each change of phase. */
export const GROWTH: readonly Scenario[] = [
  grown('growth-killed', KILLED, { fsync: 'everysec' }, killed(300)),
  grown(
    'growth-redis-killed',
    'by a growth in the middle of which Redis is killed; it is run again once Redis is back',
    { fsync: 'everysec' },
    midway(50, killRedis),
  ),
  grown(
    'cluster-growth-beside',
    'on three masters, while a worker and a gateway are started too early: they are refused',
    { fsync: 'everysec', cluster: { masters: 3, replicas: 1 } },
    midway(1_000, startTooEarly),
  ),
  grown(
    'cluster-growth-killed',
    `${KILLED}, on three masters`,
    { fsync: 'everysec', cluster: { masters: 3, replicas: 1 } },
    killed(13_000),
  ),
  grown(
    'cluster-growth-failover',
    'by a growth in the middle of which a master is killed; it is run again once its replica has taken over',
    {
      fsync: 'everysec',
      cluster: { masters: 3, replicas: 1, nodeTimeoutMs: 1_000 },
      env: { TIDEGATE_ACK_REPLICAS: '1' },
    },
    midway(4_000, killMaster),
  ),
]
