import { setTimeout as sleep } from 'node:timers/promises'
import { RedisProcess } from '../../support/redis-process.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Scenario } from '../scenario.ts'

/** Acknowledged events of this time never reach the replica. */
const BEHIND_MS = 400
/** Time until the master is declared dead. */
const DECISION_MS = 1_000
const POLL_MS = 20

export const FAILOVER: readonly Scenario[] = [
  {
    name: 'replica-promoted-with-lost-tail',
    about: `the master dies ${BEHIND_MS} ms ahead of its replica, which takes its place`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'may turn red',
    mayLose: true,
    async disturb({ deployment, begin }) {
      const master = deployment.redis
      const replication = await TcpProxy.open(() => [master.target])
      const replica = await RedisProcess.start({ fsync: 'everysec' })
      await replica.command('REPLICAOF', '127.0.0.1', replication.port)
      while (!/master_link_status:up/.test(`${await replica.command('INFO', 'replication')}`)) await sleep(POLL_MS)
      replication.blackHole()
      await sleep(BEHIND_MS)
      await master.end('SIGKILL')
      begin()
      await sleep(DECISION_MS)
      await replica.command('REPLICAOF', 'NO', 'ONE')
      await deployment.replaceRedis(replica)
      await replication.close()
    },
  },
]
