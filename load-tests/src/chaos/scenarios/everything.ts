import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisProcess } from '../../support/redis-process.ts'
import type { Deployment } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

/** Half a second of the load, and more than the last commit. */
const TAIL_BYTES = 100_000
/** Some of the last commands. */
const LAST_BYTES = 3_000
/** How old a backup is when it is put back: older than what clients send again. */
const BACKUP_AGE_MS = 10_000
/** Events that the surviving gateway does not know of. */
const UNKNOWN_MS = 600
/** Clients that find no gateway wait longer each time. */
const RECOVERS_IN_MS = 12_000

const kill = async ({ members, redis }: Deployment) => {
  await Promise.all([redis.end('SIGKILL'), ...members.map((member) => member.kill())])
}
const start = async ({ members, redis }: Deployment) => {
  await redis.start()
  await Promise.all(members.map((member) => member.start()))
}

/** @param prepare resolves to what is done to the data when Redis has ended */
const allKilled = (
  name: string,
  about: string,
  prepare: (redis: RedisProcess) => Promise<() => Promise<void>>,
): Scenario => ({
  name,
  about,
  deployment: { fsync: 'everysec', isOwn: true },
  publishing: 'may fail',
  readiness: 'may turn red',
  recoversInMs: RECOVERS_IN_MS,
  mayLose: true,
  async disturb({ deployment, begin }) {
    const change = await prepare(deployment.redis)
    await kill(deployment)
    begin()
    await change()
    await start(deployment)
  },
})

const powerCut = (name: string, about: string, lose: (redis: RedisProcess) => Promise<void>): Scenario =>
  allKilled(
    `everything-killed-${name}`,
    `kill -9 of everything, Redis too, ${about}; then all start again while clients live on`,
    async (redis) => () => lose(redis),
  )

/** @param backUp resolves to what puts the backup in the place of the data, when Redis has ended */
const putBack = (
  name: string,
  about: string,
  backUp: (redis: RedisProcess) => Promise<() => Promise<void>>,
): Scenario =>
  allKilled(name, about, async (redis) => {
    const restore = await backUp(redis)
    await sleep(BACKUP_AGE_MS)
    return restore
  })

/** Everybody who knew the contents of Redis is gone, except the clients. */
export const EVERYTHING: readonly Scenario[] = [
  powerCut('whole', 'its file left whole', async () => {}),
  powerCut('last-commands', `the last ${LAST_BYTES / 1_000} kB of its file missing`, (redis) =>
    redis.cutLog(LAST_BYTES),
  ),
  powerCut('tail', `the last ${TAIL_BYTES / 1_000} kB of its file missing`, (redis) => redis.cutLog(TAIL_BYTES)),
  powerCut('torn', 'its file cut within a transaction of its last half second', async (redis) => {
    await redis.tearLog((await redis.logBytes()) - TAIL_BYTES)
  }),
  putBack(
    'backup-put-back',
    `everything is killed, and Redis starts on a copy of its data from ${BACKUP_AGE_MS / 1_000} s before`,
    (redis) => redis.backUp(),
  ),
  putBack(
    'backup-restored',
    `everything is killed, and restored from what \`tidegate backup\` wrote ${BACKUP_AGE_MS / 1_000} s before, under load`,
    (redis) => redis.backUpByCommand(),
  ),
  {
    name: 'gateway-and-redis-killed',
    about: `the gateway that acknowledged is killed with Redis; the file lacks all that the other one, which slept ${UNKNOWN_MS} ms, has not seen`,
    deployment: { fsync: 'everysec', isOwn: true },
    publishing: 'may fail',
    readiness: 'may turn red',
    mayLose: true,
    async disturb({ deployment: { redis, gateways }, beside, begin }) {
      const [acknowledging, other] = gateways
      other!.signal('SIGSTOP')
      const known = await redis.logBytes()
      await sleep(UNKNOWN_MS)
      await Promise.all([redis.end('SIGKILL'), acknowledging!.kill()])
      begin()
      await redis.cutLogTo(known)
      await redis.start()
      other!.signal('SIGCONT')
      beside.push(acknowledging!.start())
    },
  },
]
