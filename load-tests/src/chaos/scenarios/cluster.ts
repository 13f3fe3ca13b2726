import { setTimeout as sleep } from 'node:timers/promises'
import { readDeploymentFacts } from '../../../../server/src/bus/index.ts'
import { keys, QUEUE_PREFIX } from '../../../../server/src/bus/keys.ts'
import { slotOf } from '../../../../server/src/bus/redis/hash-slot.ts'
import { type ClusterProcess, eventually } from '../../../../server/test/support/redis-cluster.ts'
import { ALL_PARTITIONS, type DeploymentOptions, PARTITIONS } from '../deployment.ts'
import type { Scenario, Stage } from '../scenario.ts'
import { rolledToThisVersion } from './rolling.ts'

/** How long a master hangs: its replica has taken over long before. */
const HUNG_MS = 6_000
/** Half of the keys of a slot are elsewhere for this long. */
const MIDWAY_MS = 300
const FACTS_MS = 5_000

/** Three masters, each with a replica that confirms what is acknowledged. */
const DEPLOYMENT: DeploymentOptions = {
  fsync: 'everysec',
  cluster: { masters: 3, replicas: 1, nodeTimeoutMs: 1_000 },
  env: { TIDEGATE_ACK_REPLICAS: '1' },
}

interface Victim {
  readonly master: ClusterProcess
  /** Its partitions. */
  readonly hit: readonly number[]
}

/** The master of a partition, by the seed. */
async function victimOf({ deployment: { cluster }, random }: Stage): Promise<Victim> {
  const owners = await Promise.all(ALL_PARTITIONS.map((partition) => cluster.ownerOf(keys.meta(partition))))
  const master = owners[Math.floor(random() * PARTITIONS)]!
  return { master, hit: ALL_PARTITIONS.filter((partition) => owners[partition] === master) }
}

/** Events published while no replica confirmed the new master are delivered first. */
const BACKLOG_MS = 6_000

/** Of one partition or two of four. */
const PARTLY: Pick<Scenario, 'deployment' | 'publishing' | 'readiness' | 'recoversInMs'> = {
  deployment: DEPLOYMENT,
  publishing: 'may fail',
  readiness: 'stays green',
  recoversInMs: BACKLOG_MS,
}

const promoted = (name: string, how: readonly string[], about: string): Scenario => ({
  name: `cluster-${name}`,
  about: `a replica is promoted by hand: ${about}`,
  ...PARTLY,
  spares: true,
  async disturb(stage) {
    const { cluster } = stage.deployment
    const { master, hit } = await victimOf(stage)
    const replica = await cluster.replicaOf(master)
    stage.begin(hit)
    await replica.command('CLUSTER', 'FAILOVER', ...how)
    await cluster.replaced(master)
    // The master before confirms what the new one has.
    await cluster.ready()
  },
})

export const CLUSTER: readonly Scenario[] = [
  {
    name: 'cluster-master-killed',
    about: 'kill -9 of one master of three; its replica takes over, and it comes back',
    ...PARTLY,
    spares: true,
    async disturb(stage) {
      const { cluster } = stage.deployment
      const { master, hit } = await victimOf(stage)
      await master.kill()
      stage.begin(hit)
      await cluster.replaced(master)
      await master.run()
      await cluster.ready()
    },
  },
  {
    name: 'cluster-node-hung',
    about: `one master of three hangs for ${HUNG_MS / 1_000} s; its replica takes over, and it follows that then`,
    ...PARTLY,
    spares: true,
    async disturb(stage) {
      const { cluster } = stage.deployment
      const { master, hit } = await victimOf(stage)
      master.signal('SIGSTOP')
      stage.begin(hit)
      await sleep(HUNG_MS)
      master.signal('SIGCONT')
      await cluster.replaced(master)
      await cluster.ready()
    },
  },
  {
    name: 'cluster-node-hung-unconfirmed',
    about: 'the same, where nobody waits for what replicas confirm: the replica that took over serves alone',
    ...PARTLY,
    deployment: { ...DEPLOYMENT, env: {} },
    mayLose: true,
    spares: true,
    async disturb(stage) {
      const { cluster } = stage.deployment
      const { master, hit } = await victimOf(stage)
      master.signal('SIGSTOP')
      stage.begin(hit)
      await cluster.replaced(master)
      stage.served()
      await sleep(HUNG_MS)
      master.signal('SIGCONT')
      await cluster.ready()
    },
  },
  promoted('promoted', [], 'CLUSTER FAILOVER, for which the master waits until the replica has everything'),
  promoted(
    'takeover',
    ['TAKEOVER'],
    'CLUSTER FAILOVER TAKEOVER, of which neither the master nor the others know before',
  ),
  {
    name: 'cluster-workers-added',
    // With three workers the share is still two partitions, and the third gets none.
    about: 'two workers join two, and take their share of the partitions',
    ...PARTLY,
    publishing: 'continues',
    async disturb({ deployment, begin }) {
      begin()
      await Promise.all([deployment.addWorker(), deployment.addWorker()])
      await eventually(async () => {
        const { workers } = await readDeploymentFacts(deployment.redisUrl, FACTS_MS)
        const owning = [...workers.values()].filter(({ partitions }) => Object.keys(partitions).length > 0)
        return owning.length === deployment.workers.length
      })
    },
  },
  {
    name: 'cluster-gateways-rolled',
    about: 'both gateways are stopped by SIGTERM and started again, one after the other',
    ...PARTLY,
    readiness: 'may turn red',
    async disturb({ deployment: { gateways }, begin }) {
      begin()
      for (const gateway of gateways) {
        await gateway.stop()
        await gateway.start()
      }
    },
  },
  {
    name: 'cluster-rolling-config',
    about: 'another config with a topic, windows and an optional field more takes the place of the one that runs',
    ...PARTLY,
    readiness: 'may turn red',
    rollout: 'stays',
    async disturb({ deployment, begin }) {
      begin()
      await deployment.roll('next')
    },
  },
  rolledToThisVersion('cluster-rolling-version', DEPLOYMENT),
  {
    name: 'cluster-slots-moved',
    about: 'the slots of all partitions, and that of the queue of leases, move to another master, one after the other',
    ...PARTLY,
    async disturb({ deployment: { cluster }, begin }) {
      begin()
      for (const key of [...ALL_PARTITIONS.map(keys.meta), QUEUE_PREFIX]) {
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
