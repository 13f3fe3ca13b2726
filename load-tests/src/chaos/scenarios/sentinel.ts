import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_PARTITIONS, type DeploymentOptions } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

const REPLICAS = 2
const DOWN_AFTER_MS = 1_000
/** How long Sentinels are away: several of the intervals at which they are asked. */
const AWAY_MS = 4_000

/** A failover by hand begins at once, and takes about a second. */
const PROMOTED_IN_MS = 2_500
/** What was published while the master before did not follow yet, about ten seconds, is delivered first. */
const BACKLOG_MS = 6_000

/** @param confirming replicas that must have an event before it is acknowledged */
const deploymentOf = (confirming: number): DeploymentOptions => ({
  fsync: 'everysec',
  sentinels: { replicas: REPLICAS, downAfterMs: DOWN_AFTER_MS },
  env: { TIDEGATE_ACK_REPLICAS: `${confirming}` },
})

const killed = (name: string, about: string, confirming: number, mayLose?: true): Scenario => ({
  name: `sentinel-failover${name}`,
  about: `kill -9 of the master, ${about}; a replica is promoted, and the master comes back`,
  deployment: deploymentOf(confirming),
  publishing: 'fails',
  readiness: 'turns red',
  ...(mayLose && { mayLose }),
  async disturb({ deployment: { sentinels }, beside, begin }) {
    const master = await sentinels.master()
    process.kill(master.pid, 'SIGKILL')
    begin(ALL_PARTITIONS)
    await sentinels.failedOver(master)
    // It says that it is the master until the Sentinels have told it otherwise.
    beside.push(master.restart().then(() => sentinels.followed()))
  },
})

export const SENTINEL: readonly Scenario[] = [
  killed('', 'of whose two replicas one confirms what is acknowledged', 1),
  killed('-unconfirmed', 'whose replicas confirm nothing', 0, true),
  {
    name: 'sentinel-hung-master',
    about: 'the master hangs until long after a replica has been promoted',
    deployment: deploymentOf(1),
    publishing: 'fails',
    readiness: 'turns red',
    async disturb({ deployment: { sentinels }, beside, begin }) {
      const master = await sentinels.master()
      process.kill(master.pid, 'SIGSTOP')
      begin(ALL_PARTITIONS)
      await sentinels.failedOver(master)
      const wake = async () => {
        await sleep(AWAY_MS)
        process.kill(master.pid, 'SIGCONT')
        await sentinels.followed()
      }
      beside.push(wake())
    },
  },
  {
    name: 'sentinel-by-hand',
    about: 'SENTINEL FAILOVER: the master before still serves whoever asks it, for ten seconds or so',
    deployment: deploymentOf(1),
    publishing: 'may fail',
    readiness: 'may turn red',
    // Between the promotion and the change of the other replica, that one confirms what the new master does not have.
    mayLose: true,
    async disturb({ deployment: { sentinels }, beside, begin }) {
      const master = await sentinels.master()
      begin(ALL_PARTITIONS)
      await sentinels.promote()
      await sentinels.failedOver(master)
      beside.push(sentinels.followed())
    },
  },
  {
    name: 'sentinel-by-hand-all-confirm',
    about:
      'SENTINEL FAILOVER, where every replica confirms what is acknowledged: nothing is lost, until all of them follow',
    deployment: deploymentOf(REPLICAS),
    publishing: 'fails',
    // Both replicas confirm until one has been promoted.
    readiness: 'may turn red',
    isNoticedInMs: PROMOTED_IN_MS,
    recoversInMs: BACKLOG_MS,
    async disturb({ deployment: { sentinels }, begin }) {
      const master = await sentinels.master()
      begin(ALL_PARTITIONS)
      await sentinels.promote()
      await sentinels.failedOver(master)
      await sentinels.followed()
    },
  },
  {
    name: 'sentinel-loss',
    about: `all Sentinels are killed while the master lives, ${AWAY_MS / 1_000} s later they are back`,
    deployment: deploymentOf(1),
    publishing: 'continues',
    readiness: 'stays green',
    async disturb({ deployment: { sentinels }, begin }) {
      begin()
      await Promise.all(sentinels.sentinels.map((sentinel) => sentinel.kill()))
      await sleep(AWAY_MS)
      await Promise.all(sentinels.sentinels.map((sentinel) => sentinel.run()))
    },
  },
]
