import { setTimeout as sleep } from 'node:timers/promises'
import { slotOf } from '../../../../server/src/bus/hash-slot.ts'
import { keys, QUEUE_PREFIX } from '../../../../server/src/bus/keys.ts'
import type { ClusterProcess } from '../../../../server/test/support/redis-cluster.ts'
import { type DeploymentOptions, PARTITIONS } from '../deployment.ts'
import type { Scenario, Stage } from '../scenario.ts'

/** How long a master hangs: its replica has taken over long before. */
const HUNG_MS = 6_000
/** Half of the keys of a slot are elsewhere for this long. */
const MIDWAY_MS = 300

/** Three masters, each with a replica that confirms what is acknowledged. */
const DEPLOYMENT: DeploymentOptions = {
  fsync: 'everysec',
  cluster: { masters: 3, replicas: 1, nodeTimeoutMs: 1_000 },
  env: { TIDEGATE_ACK_REPLICAS: '1' },
}

/** The master of a partition, by the seed. */
const victimOf = ({ deployment: { cluster }, random }: Stage): Promise<ClusterProcess> =>
  cluster.ownerOf(keys.meta(Math.floor(random() * PARTITIONS)))

/** What was published while nobody confirmed what the new master has is delivered first. */
const BACKLOG_MS = 6_000

/** Of one partition or two of four. */
const PARTLY: Pick<Scenario, 'deployment' | 'publishing' | 'readiness' | 'recoversInMs'> = {
  deployment: DEPLOYMENT,
  publishing: 'may fail',
  readiness: 'stays green',
  recoversInMs: BACKLOG_MS,
}

export const CLUSTER: readonly Scenario[] = [
  {
    name: 'cluster-master-killed',
    about: 'kill -9 of one master of three; its replica takes over, and it comes back',
    ...PARTLY,
    async disturb(stage) {
      const { cluster } = stage.deployment
      const master = await victimOf(stage)
      await master.kill()
      stage.begin()
      await cluster.replaced(master)
      await master.run()
      await cluster.ready()
    },
  },
  {
    name: 'cluster-node-hung',
    about: `one master of three hangs for ${HUNG_MS / 1_000} s; its replica takes over, and it follows that then`,
    ...PARTLY,
    async disturb(stage) {
      const { cluster } = stage.deployment
      const master = await victimOf(stage)
      master.signal('SIGSTOP')
      stage.begin()
      await sleep(HUNG_MS)
      master.signal('SIGCONT')
      await cluster.replaced(master)
      await cluster.ready()
    },
  },
  {
    name: 'cluster-slots-moved',
    about: 'the slots of all partitions, and that of the queue of leases, move to another master, one after the other',
    ...PARTLY,
    async disturb({ deployment: { cluster }, begin }) {
      begin()
      for (const key of [...Array.from({ length: PARTITIONS }, (_, partition) => keys.meta(partition)), QUEUE_PREFIX]) {
        const owner = await cluster.ownerOf(key)
        const others = await cluster.masters()
        const next = others[(others.indexOf(owner) + 1) % others.length]!
        await cluster.moveSlot(slotOf(key), next, () => sleep(MIDWAY_MS))
      }
    },
  },
  {
    name: 'cluster-rolled',
    about: 'all six nodes are restarted in turn: replicas at once, masters after CLUSTER FAILOVER',
    ...PARTLY,
    // Two at a time may lack a replica that confirms.
    readiness: 'may turn red',
    async disturb({ deployment: { cluster }, begin }) {
      begin()
      for (const node of cluster.nodes) {
        if (await node.isMaster()) {
          const replica = await cluster.replicaOf(node)
          await replica.command('CLUSTER', 'FAILOVER')
          await cluster.replaced(node)
          await cluster.ready()
        }
        await node.kill()
        await node.run()
        await cluster.ready()
      }
    },
  },
]
