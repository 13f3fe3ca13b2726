import type { Clock } from '../clock.ts'
import { AccessStore } from './access-store.ts'
import { ContractClaim } from './contract/contract-claim.ts'
import { type ClaimedContract, FIRST } from './contract/contract-head.ts'
import { type DecidedContract, type RunningContract, readContract, writeContract } from './contract/contract-view.ts'
import { checkFormat, openFormat } from './contract/format.ts'
import { openTopology, storedPartitions } from './contract/topology.ts'
import { withDeadline } from './deadline.ts'
import { Entities } from './entities/entities.ts'
import { checkVersions, type EntityVersions, missingEntities } from './entities/entity-versions.ts'
import { BusMismatch } from './errors.ts'
import { refuseWhileGrowing } from './growth/index.ts'
import { keys } from './keys.ts'
import { BackfillLedger, listBackfills } from './ledger/backfill-ledger.ts'
import { OwnerLedger } from './ledger/owner-ledger.ts'
import { Results } from './ledger/results.ts'
import { type Ancestor, decodeAncestors } from './log/ancestors.ts'
import { Log } from './log/log.ts'
import { type LogEntry, type LogRead, readTogether } from './log/log-entry.ts'
import { LogTail } from './log/log-tail.ts'
import { TailConnection } from './log/tail-connection.ts'
import type { Channel } from './nodes/channel.ts'
import type { BusClass, GuardState } from './nodes/guard.ts'
import type { ChannelName, NodeSettings } from './nodes/node.ts'
import { Nodes } from './nodes/nodes.ts'
import { COMMAND_DEADLINE_MS, orWhyNot, type RedisOf } from './redis/connection.ts'
import { slotOf } from './redis/hash-slot.ts'
import { PartitionClock } from './redis/partition-clock.ts'
import { checkKind, checkRedis } from './redis/redis-fitness.ts'
import { type RedisState, readRedisState, together } from './redis/redis-state.ts'
import { redisNow } from './redis/redis-time.ts'
import { checkRights } from './redis/rights.ts'
import { loadScript, type Script } from './redis/script.ts'
import type { StoreClock } from './redis/store-clock.ts'
import { GatewayEntry, type GatewayReport, leaveToCount, readGatewayReports } from './reports/gateway-report.ts'
import type { Read } from './reports/live-reports.ts'
import { type PartitionOwner, partitionOwners } from './reports/partition-owners.ts'
import { PresenceStore } from './reports/presence-store.ts'
import { Roster } from './reports/roster.ts'
import { readWorkerReports, type WorkerReport } from './reports/worker-report.ts'

const RAISE_SCRIPT: Script = loadScript('raise-mark', { allowOom: true })

const DEFAULT_WAIT_MS = 10_000

export interface BusSettings extends NodeSettings {
  /** Fixed at the first start. Absent: as in the existing data. */
  readonly partitions?: number
  /** Claimed for the running processes until the bus is closed. Absent for a command that only reads. */
  readonly contract?: ClaimedContract
  /** Entities of the config: a version below what is stored is refused. */
  readonly entities?: EntityVersions
  /** Whether the process stores entities: from then on the data are of their versions. */
  readonly storesEntities?: boolean
  /** How long to wait for Redis at the start, ms. */
  readonly waitMs?: number
  /** Called once, where a contract came in that this process cannot run beside. It MUST end. */
  readonly onOusted?: (why: BusMismatch) => void
  /** Called with one line for everything the operator should know. */
  readonly warn?: (line: string) => void
}

/**
 * Connects to Redis, checks that it is suitable and that its data belongs to this deployment, and writes what is
 * missing at a first start.
 *
 * @throws BusUnreachable; BusMismatch, also while processes of another contract are alive, and where the data are of a later
 * version of an entity. Both say what to do.
 */
export async function openBus(settings: BusSettings): Promise<Bus> {
  const { channels, waitMs = DEFAULT_WAIT_MS } = settings
  const nodes = new Nodes(settings)
  const redisOf: RedisOf = (key) => nodes.atKey(key).redis
  try {
    await nodes.open(waitMs)
    if (settings.partitions === undefined)
      await Promise.all(nodes.all.map(({ redis }) => checkKind(redis, nodes.isCluster)))
    const { partitions = await storedPartitions(redisOf(keys.cluster)) } = settings
    if (partitions === undefined) throw new BusMismatch('This Redis holds no data of Tidegate.')
    await nodes.serve(partitions, waitMs)
    const role = channels.includes('jobs') ? 'worker' : 'gateway'
    if (settings.partitions !== undefined) {
      const warned = new Set<string>()
      for (const { redis } of nodes.all) {
        await checkRedis(redis, nodes.isCluster, (line) => warned.add(line))
        await checkRights(redis, role)
      }
      for (const line of warned) settings.warn?.(line)
      await openFormat(redisOf(keys.format))
      await refuseWhileGrowing(redisOf(keys.cluster))
      await openTopology(redisOf, partitions)
    } else {
      await checkFormat(redisOf(keys.format))
      await refuseWhileGrowing(redisOf(keys.cluster))
    }
    // Before the claim, which others would wait for.
    await openEntities(redisOf, partitions, settings)
    const claim =
      settings.contract && new ContractClaim(redisOf, settings.contract, role, partitions, settings.onOusted)
    await claim?.start()
    try {
      // And behind it: now nobody stores under another contract.
      if (settings.storesEntities === true) await checkVersions(redisOf, settings.entities ?? new Map(), true)
    } catch (error) {
      claim?.close()
      throw error
    }
    return new Bus({ ...settings, partitions }, nodes, await ancestorsOf(redisOf, partitions), claim)
  } catch (error) {
    nodes.close()
    throw error
  }
}

function ancestorsOf(redisOf: RedisOf, partitions: number): Promise<readonly (readonly Ancestor[])[]> {
  const metas = Array.from({ length: partitions }, (_, partition) => keys.meta(partition))
  return Promise.all(metas.map(async (meta) => decodeAncestors(await redisOf(meta).hget(meta, 'ancestors'))))
}

async function openEntities(redisOf: RedisOf, partitions: number, { entities, warn }: BusSettings): Promise<void> {
  if (entities === undefined) return
  await checkVersions(redisOf, entities, false)
  if (warn === undefined) return
  for (const name of await missingEntities(redisOf, entities, partitions)) {
    warn(
      `Redis holds data of entity ${name}, which this config does not have: they stay as they are, and are neither found nor ` +
        'changed. Put the entity back into the config to use or to erase them.',
    )
  }
}

/** What shows whether Redis works and who works on it. */
export interface BusHealth {
  /** But for those of nodes that fail. */
  readonly owners: readonly PartitionOwner[]
  /** Absent where the node that has their reports fails. */
  readonly workers: ReadonlyMap<string, WorkerReport> | undefined
  /** Nodes of a cluster that fail while others work. */
  readonly faults: readonly NodeFault[]
}

export interface NodeFault {
  readonly node: string
  readonly why: string
}

/** Everything that one process says to Redis. Connections, keys and addresses never leave it. */
export class Bus {
  readonly partitions: number
  /** Of each partition, oldest first: those that were divided. */
  readonly ancestors: readonly (readonly Ancestor[])[]
  readonly #settings: BusSettings
  readonly #nodes: Nodes
  /** By partition. */
  readonly #slots: readonly number[]
  readonly #clocks: readonly PartitionClock[]
  readonly #claim: ContractClaim | undefined
  #isEmptied = false

  /** Use `openBus`. */
  constructor(
    settings: BusSettings & { readonly partitions: number },
    nodes: Nodes,
    ancestors: readonly (readonly Ancestor[])[],
    claim?: ContractClaim,
  ) {
    this.#settings = settings
    this.ancestors = ancestors
    this.#nodes = nodes
    this.#claim = claim
    this.partitions = settings.partitions
    this.#slots = Array.from({ length: this.partitions }, (_, partition) => slotOf(keys.meta(partition)))
    this.#clocks = this.#slots.map((slot) => new PartitionClock(() => nodes.at(slot).clock))
    const { url, name } = settings
    internals.set(this, { url, name, channel: (key, channel) => this.#nodes.channel(key, channel) })
  }

  /** The logs of a partition. @param channel its connection, deadline and breaker serve the calls */
  log(partition: number, channel: ChannelName): Log {
    return new Log(partition, this.#channel(partition, channel))
  }

  /** Up to `count` entries of each log, without waiting: one read where one Redis holds all partitions. @throws BusUnavailable */
  async after(reads: readonly LogRead[], channel: ChannelName, count: number): Promise<LogEntry[][]> {
    if (this.#nodes.isCluster)
      return Promise.all(reads.map(({ partition, cursors }) => this.log(partition, channel).after(cursors, count)))
    return this.#channel(0, channel).read((redis) => readTogether(redis, reads, { count, blockMs: 0 }))
  }

  /** A tail with a connection of its own, which the caller closes. @param name of the connection */
  tail(partition: number, name: string): LogTail {
    return new LogTail(partition, this.#tailConnection(`${name}-${partition}`, partition))
  }

  /**
   * A tail of each partition, for a caller that reads all of them and never waits between two reads: where one Redis holds them,
   * they share a connection. The caller closes each.
   */
  tails(name: string): LogTail[] {
    const all = Array.from({ length: this.partitions }, (_, partition) => partition)
    if (this.#nodes.isCluster) return all.map((partition) => this.tail(partition, name))
    const connection = this.#tailConnection(name, 0)
    return all.map((partition) => new LogTail(partition, connection))
  }

  #tailConnection(name: string, partition: number): TailConnection {
    return new TailConnection(this.#settings.url, name, this.#slots[partition]!, this.#nodes)
  }

  /** The latest results of a partition. */
  results(partition: number, channel: ChannelName): Results {
    return new Results(partition, this.#channel(partition, channel))
  }

  /** What is stored of the entities of a partition. */
  entities(partition: number, channel: ChannelName): Entities {
    return new Entities(partition, this.#channel(partition, channel))
  }

  /** Who is connected to which gateway. */
  presence(partition: number, channel: ChannelName): PresenceStore {
    return new PresenceStore(partition, this.#channel(partition, channel))
  }

  ledger(partition: number, channel: ChannelName): OwnerLedger {
    return new OwnerLedger(partition, this.#channel(partition, channel), () => this.generation)
  }

  backfillLedger(partition: number, window: string, channel: ChannelName): BackfillLedger {
    const listed = this.#nodes.channel(keys.backfills, channel)
    return new BackfillLedger(partition, window, this.#channel(partition, channel), listed, () => this.generation)
  }

  /** Backfills that may be under way. @throws BusUnavailable */
  backfills(): Promise<{ partition: number; window: string }[]> {
    return listBackfills(this.#control(keys.backfills))
  }

  roster(workerId: string): Roster {
    return new Roster(this.#control(keys.workers), workerId, this)
  }

  gatewayEntry(gateway: string): GatewayEntry {
    return new GatewayEntry(this.#control(keys.gateways), gateway)
  }

  /** Has a gateway count events, by topic, that this process has stored and will not report. @throws BusUnavailable, BusFull */
  leaveToCount(events: ReadonlyMap<string, number>): Promise<void> {
    return leaveToCount(this.#control(keys.gateways), events)
  }

  /** Who is let in: keys, revocations, tickets. */
  access(): AccessStore {
    return new AccessStore(this.#control(keys.accessVersion))
  }

  /** The clock of the Redis that holds a partition, ms since 1970; without one, of any. @throws BusUnavailable */
  now(partition?: number): Promise<number> {
    return this.#control(partition === undefined ? keys.cluster : keys.meta(partition)).run(redisNow)
  }

  /** Keeps the clocks of Redis up to date until `close`. MUST be awaited before `clock`. @throws BusUnavailable */
  async startClocks(): Promise<void> {
    await this.#nodes.eachOpened(({ clock }) => clock.start())
  }

  /** The clock of the Redis that holds a partition, for frequent readers. */
  clock(partition: number): Clock {
    return this.#clocks[partition]!
  }

  /** The same for the ages of stored events, kept up to date until `close`. Called once. */
  startStoreClocks(): { of(partition: number): StoreClock } {
    void this.#nodes.eachOpened(async ({ storeClock }) => storeClock.start())
    return { of: (partition) => this.#nodes.at(this.#slots[partition]!).storeClock }
  }

  /**
   * States of the Redis that are this process's to report: it owns their first partition, or partition 0 where they hold none. So
   * each is reported once. Those that fail or may not be asked are left out.
   */
  async redisStates(isOwned: (partition: number) => boolean): Promise<RedisState[]> {
    const held = this.#nodes.byNode(this.partitions)
    const asked = this.#nodes.all.filter((node) => isOwned(held.get(node)?.[0] ?? 0))
    const states = await Promise.all(
      asked.map(({ control, name }) => control.run((redis) => readRedisState(redis, name)).catch(() => undefined)),
    )
    return states.filter((state) => state !== undefined)
  }

  /** Of all Redis together; `undefined` where one of them fails or may not be asked. */
  async redisState(): Promise<RedisState | undefined> {
    const states = await this.redisStates(() => true)
    return states.length < this.#nodes.all.length ? undefined : together(states)
  }

  /** Which partitions have a live owner; without those of nodes that fail, unless all do. @throws BusUnavailable */
  async owners(): Promise<PartitionOwner[]> {
    const asked = [...this.#nodes.byNode(this.partitions)].map(([{ control }, partitions]) =>
      control.run((redis) => partitionOwners(redis, partitions)),
    )
    return (await thoseThatAnswer(asked)).flat()
  }

  /** Reports of the live workers, by worker id. @throws BusUnavailable */
  workers(): Promise<ReadonlyMap<string, Read<WorkerReport>>> {
    return this.#control(keys.workers).run(readWorkerReports)
  }

  /** Reports of the live gateways, by their names. @throws BusUnavailable */
  gateways(): Promise<ReadonlyMap<string, Read<GatewayReport>>> {
    return this.#control(keys.gateways).run(readGatewayReports)
  }

  /** Checks whether Redis works, also while breakers are open. @throws the error as it is if no node does: it says why not */
  async look(): Promise<BusHealth> {
    const partitionsOf = this.#nodes.byNode(this.partitions)
    const faults: NodeFault[] = []
    const asked = this.#nodes.all.map(async (node) => {
      const { redis, name, eviction } = node
      const both = Promise.all([partitionOwners(redis, partitionsOf.get(node) ?? []), eviction.look()])
      try {
        const [owners] = await withDeadline(COMMAND_DEADLINE_MS, orWhyNot(redis, both))
        return owners
      } catch (error) {
        faults.push({ node: name, why: error instanceof Error ? error.message : String(error) })
        throw error
      }
    })
    const stored = withDeadline(COMMAND_DEADLINE_MS, storedPartitions(this.#nodes.atKey(keys.cluster).redis))
    const isEmptied = stored.then((count) => count === undefined).catch(() => this.#isEmptied)
    const { redis } = this.#nodes.atKey(keys.workers)
    const reports = withDeadline(COMMAND_DEADLINE_MS, readWorkerReports(redis)).catch(() => undefined)
    const [owners, workers, emptied] = await Promise.all([thoseThatAnswer(asked), reports, isEmptied])
    this.#isEmptied = emptied
    return { owners: owners.flat(), workers, faults }
  }

  /** Whether what was stored is gone, as last seen by `look`: until a process starts, nothing says how many partitions there are. */
  get isEmptied(): boolean {
    return this.#isEmptied
  }

  /** Why nothing may be acknowledged, as last seen by `look`. */
  get evictionReason(): string | undefined {
    return this.#nodes.all.map(({ eviction }) => eviction.reason).find((reason) => reason !== undefined)
  }

  /** Share of Redis' `maxmemory` that is in use where it is largest, as last seen by `look`; 0 where there is none. */
  get usedShare(): number {
    return this.#nodes.all.reduce((most, { eviction }) => Math.max(most, eviction.usedShare), 0)
  }

  /**
   * Raises the mark of sequence names to at least `newest` and returns the highest value any gateway has set.
   *
   * @throws BusUnavailable
   */
  async raiseSequence(newest: number): Promise<number> {
    return Number(await this.#control(keys.sequence).script(RAISE_SCRIPT, [keys.sequence], [newest]))
  }

  /** Of the contract of this process: each that takes the place of another one has the next number. */
  get generation(): number {
    return this.#claim?.generation ?? FIRST
  }

  /** Of the contract that processes are to have, as of about the last second. */
  get latest(): number {
    return this.#claim?.latest ?? FIRST
  }

  /** Whether a contract came in that this process cannot run beside. */
  get isOusted(): boolean {
    return this.#claim?.isOusted === true
  }

  /** Whether no worker of an earlier contract holds a partition, or ever will. @throws BusUnavailable */
  isContractEverywhere(): Promise<boolean> {
    return this.#control(keys.contract).run(() => this.#claim?.isEverywhere() ?? Promise.resolve(true))
  }

  /** The contract of the deployment; `undefined` where nothing has run. @throws BusUnavailable */
  contract(): Promise<RunningContract | undefined> {
    return this.#control(keys.contract).run(() => readContract(this.#redisOf))
  }

  /** Makes a contract the one to run. @returns false where another one came in meanwhile @throws BusUnavailable */
  decideContract(contract: DecidedContract): Promise<boolean> {
    return this.#control(keys.contract).run(() => writeContract(this.#redisOf, contract))
  }

  /** Of every class, in a cluster of every node. */
  get breakers(): GuardState[] {
    return this.#nodes.all.flatMap(({ breakers }) => breakers)
  }

  /** The best state of a class: while the breaker of one node is closed, calls to it continue. */
  breaker(busClass: BusClass): GuardState {
    const states = this.#nodes.all.map((node) => node.guard(busClass).state)
    const soonest = states.reduce((best, one) => (one.retryAfterMs < best.retryAfterMs ? one : best))
    // One that is due for a probe has no time left to wait either.
    return states.find(({ state }) => state === 'closed') ?? soonest
  }

  /**
   * When a call of a class may be tried again, ms; 0 while calls are let through.
   *
   * @param partition absent: of the partition for which that is soonest
   */
  retryAfterMs(busClass: BusClass, partition?: number): number {
    if (partition !== undefined) return this.#nodes.at(this.#slots[partition]!).guard(busClass).retryAfterMs
    // Asked for every publish frame: collecting the states of all breakers costs more than scanning it.
    return this.#nodes.all.reduce(
      (soonest, node) => Math.min(soonest, node.guard(busClass).retryAfterMs),
      Number.POSITIVE_INFINITY,
    )
  }

  /** Releases the claim and disconnects. */
  close(): void {
    this.#claim?.close()
    this.#nodes.close()
  }

  readonly #redisOf: RedisOf = (key) => this.#nodes.atKey(key).redis

  #channel(partition: number, channel: ChannelName): Channel {
    return this.#nodes.channel(keys.meta(partition), channel)
  }

  /** Calls about what belongs to no partition. */
  #control(key: string): Channel {
    return this.#nodes.channel(key, this.#settings.channels[0])
  }
}

/** @throws the first error if nobody answers */
async function thoseThatAnswer<T>(asked: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(asked)
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  if (answers.length === 0) for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return answers
}

/** For the queues of `jobs/`, which have connections of their own. */
export interface BusInternals {
  readonly url: string
  readonly name: string
  /** Calls about a key. */
  channel(key: string, name: ChannelName): Channel
}

const internals = new WeakMap<Bus, BusInternals>()

/** Only for this folder: the index does not export it. */
export function internalsOf(bus: Bus): BusInternals {
  return internals.get(bus)!
}
