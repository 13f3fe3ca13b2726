import type { Clock } from '../clock.ts'
import { AccessStore } from './access-store.ts'
import { BackfillLedger, listBackfills } from './backfill-ledger.ts'
import type { BreakerLimits } from './breaker.ts'
import { Channel } from './channel.ts'
import { COMMAND_DEADLINE_MS, openCommandConnection, orWhyNot, type Redis, untilReady } from './connection.ts'
import { type ClaimedContract, ContractClaim, readContractRecord, runningContract } from './contract-claim.ts'
import { withDeadline } from './deadline.ts'
import { Entities } from './entities.ts'
import { checkVersions, type EntityVersions, missingEntities } from './entity-versions.ts'
import { BusMismatch } from './errors.ts'
import { GatewayEntry, type GatewayReport, readGatewayReports } from './gateway-report.ts'
import { type BusClass, DEADLINES_MS, type Guard, type GuardState } from './guard.ts'
import { keys } from './keys.ts'
import { Log } from './log.ts'
import { LogTail } from './log-tail.ts'
import { OwnerLedger } from './owner-ledger.ts'
import { type PartitionOwner, partitionOwners } from './partition-owners.ts'
import { PresenceStore } from './presence-store.ts'
import { openGuard } from './probe.ts'
import { RedisClock } from './redis-clock.ts'
import { checkKind, checkRedis, EvictionWatch, type RedisInfo, readInfo } from './redis-fitness.ts'
import { type RedisState, readRedisState } from './redis-state.ts'
import { exactRedisNow, redisNow } from './redis-time.ts'
import { Results } from './results.ts'
import { checkRights } from './rights.ts'
import { Roster } from './roster.ts'
import { loadScript, type Script } from './script.ts'
import { StoreClock } from './store-clock.ts'
import { openTopology, storedPartitions } from './topology.ts'
import { readWorkerReports, type WorkerReport } from './worker-report.ts'

const RAISE_SCRIPT: Script = loadScript('raise-mark', { allowOom: true })

/**
 * A connection for the commands of one class. Replays and queries have separate ones: neither waits behind the other's
 * pages.
 */
export type ChannelName = BusClass | 'replay'

const DEFAULT_WAIT_MS = 10_000

export interface BusSettings {
  readonly url: string
  /** Names the connections in Redis' list of clients. */
  readonly name: string
  /** Fixed at the first start. Absent: as in the existing data. */
  readonly partitions?: number
  /** The channels that the process uses; the first one also serves everything that belongs to no partition. */
  readonly channels: readonly [ChannelName, ...ChannelName[]]
  /** Claimed for the running processes until the bus is closed. Absent for a command that only reads. */
  readonly contract?: ClaimedContract
  /** Entities of the config: a version below what is stored is refused. */
  readonly entities?: EntityVersions
  /** Whether the process stores entities: from then on the data are of their versions. */
  readonly storesEntities?: boolean
  /** How long to wait for Redis at the start, ms. */
  readonly waitMs?: number
  /** When breakers open, and for how long. */
  readonly breaker?: BreakerLimits
  /** Deadlines of classes, ms, in place of the defaults. */
  readonly deadlinesMs?: Partial<Record<BusClass, number>>
  /** Replicas that must have an append before it counts as stored. */
  readonly replicas?: number
  /** Called on every change of a breaker. */
  readonly onBreaker?: (state: GuardState) => void
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
  const { url, name, channels } = settings
  const connections = new Map(channels.map((channel) => [channel, openCommandConnection(url, `${name}-${channel}`)]))
  const control = connections.get(channels[0])!
  try {
    await Promise.all([...connections.values()].map((redis) => untilReady(redis, settings.waitMs ?? DEFAULT_WAIT_MS)))
    if (settings.partitions === undefined) await checkKind(control)
    const { partitions = await storedPartitions(control) } = settings
    if (partitions === undefined) throw new BusMismatch('This Redis holds no data of Tidegate.')
    if (settings.partitions !== undefined) {
      await checkRedis(control, settings.warn ?? (() => {}))
      await checkRights(control, channels.includes('jobs') ? 'worker' : 'gateway')
      await openTopology(control, partitions)
    }
    // Before the claim, which others would wait for.
    await openEntities(control, partitions, settings)
    const claim = settings.contract && new ContractClaim(control, settings.contract)
    await claim?.start()
    try {
      // And behind it: now nobody stores under another contract.
      if (settings.storesEntities === true) await checkVersions(control, settings.entities ?? new Map(), true)
    } catch (error) {
      claim?.close()
      throw error
    }
    return new Bus({ ...settings, partitions }, connections, claim)
  } catch (error) {
    for (const redis of connections.values()) redis.disconnect()
    throw error
  }
}

async function openEntities(redis: Redis, partitions: number, { entities, warn }: BusSettings): Promise<void> {
  if (entities === undefined) return
  await checkVersions(redis, entities, false)
  if (warn === undefined) return
  for (const name of await missingEntities(redis, entities, partitions)) {
    warn(
      `Redis holds data of entity ${name}, which this config does not have: they stay as they are, and are neither found nor ` +
        'changed. Put the entity back into the config to use or to erase them.',
    )
  }
}

/** What shows whether Redis works and who works on it. */
export interface BusHealth {
  readonly owners: readonly PartitionOwner[]
  readonly workers: ReadonlyMap<string, WorkerReport>
}

/** Everything that one process says to Redis. Connections, keys and addresses never leave it. */
export class Bus {
  readonly partitions: number
  readonly #settings: BusSettings
  readonly #connections: ReadonlyMap<ChannelName, Redis>
  readonly #guards = new Map<BusClass, Guard>()
  readonly #channels = new Map<ChannelName, Channel>()
  readonly #eviction: EvictionWatch
  readonly #claim: ContractClaim | undefined
  readonly #clock = new RedisClock(() => this.now())
  readonly #storeClock = new StoreClock(() => this.#controlChannel.run(exactRedisNow))

  /** Use `openBus`. */
  constructor(
    settings: BusSettings & { readonly partitions: number },
    connections: ReadonlyMap<ChannelName, Redis>,
    claim?: ContractClaim,
  ) {
    this.#settings = settings
    this.#connections = connections
    this.#claim = claim
    this.partitions = settings.partitions
    for (const [name, redis] of connections) this.#channels.set(name, new Channel(redis, this.#guard(name, redis)))
    this.#eviction = new EvictionWatch(this.#control)
    internals.set(this, { url: settings.url, name: settings.name, channel: (name) => this.#channel(name) })
  }

  /** The logs of a partition. @param channel its connection, deadline and breaker serve the calls */
  log(partition: number, channel: ChannelName): Log {
    return new Log(partition, this.#channel(channel))
  }

  /** A tail with a connection of its own, which the caller closes. @param name of the connection */
  tail(partition: number, name: string): LogTail {
    const { url } = this.#settings
    return new LogTail(
      url,
      `${name}-${partition}`,
      partition,
      this.#connections.get('tail')!,
      this.#guards.get('tail')!,
    )
  }

  /** The latest results of a partition. */
  results(partition: number, channel: ChannelName): Results {
    return new Results(partition, this.#channel(channel))
  }

  /** What is stored of the entities of a partition. */
  entities(partition: number, channel: ChannelName): Entities {
    return new Entities(partition, this.#channel(channel))
  }

  /** Who is connected to which gateway. */
  presence(partition: number, channel: ChannelName): PresenceStore {
    return new PresenceStore(partition, this.#channel(channel))
  }

  ledger(partition: number, channel: ChannelName): OwnerLedger {
    return new OwnerLedger(partition, this.#channel(channel))
  }

  backfillLedger(partition: number, window: string, channel: ChannelName): BackfillLedger {
    return new BackfillLedger(partition, window, this.#channel(channel))
  }

  /** Backfills that may be under way. @throws BusUnavailable */
  backfills(): Promise<{ partition: number; window: string }[]> {
    return listBackfills(this.#controlChannel)
  }

  roster(workerId: string): Roster {
    return new Roster(this.#controlChannel, workerId)
  }

  gatewayEntry(gateway: string): GatewayEntry {
    return new GatewayEntry(this.#controlChannel, gateway)
  }

  /** Who is let in: keys, revocations, tickets. */
  access(): AccessStore {
    return new AccessStore(this.#controlChannel)
  }

  /** Redis' clock, ms since 1970. @throws BusUnavailable */
  now(): Promise<number> {
    return this.#controlChannel.run(redisNow)
  }

  /** Redis' clock for frequent readers, kept up to date until `close`. Called once. @throws BusUnavailable */
  async startClock(): Promise<Clock> {
    await this.#clock.start()
    return this.#clock
  }

  /** Redis' clock for the ages of stored events, kept up to date until `close`. Called once. */
  startStoreClock(): StoreClock {
    this.#storeClock.start()
    return this.#storeClock
  }

  /** Memory and persistence of Redis; `undefined` where it may not be asked. @throws BusUnavailable */
  redisState(): Promise<RedisState | undefined> {
    return this.#controlChannel.run(readRedisState)
  }

  /** Which partitions have a live owner. @throws BusUnavailable */
  owners(): Promise<PartitionOwner[]> {
    return this.#controlChannel.run((redis) => partitionOwners(redis, this.partitions))
  }

  /** Reports of the live workers, by worker id. @throws BusUnavailable */
  workers(): Promise<ReadonlyMap<string, WorkerReport>> {
    return this.#controlChannel.run(readWorkerReports)
  }

  /** Reports of the live gateways, by their names. @throws BusUnavailable */
  gateways(): Promise<ReadonlyMap<string, GatewayReport>> {
    return this.#controlChannel.run(readGatewayReports)
  }

  /** What Redis says of itself; empty where that is not permitted. @throws BusUnavailable */
  info(): Promise<RedisInfo> {
    return this.#controlChannel.run((redis) => readInfo(redis))
  }

  /** Checks whether Redis works, also while breakers are open. @throws the error as it is: it says why not. */
  async look(): Promise<BusHealth> {
    const redis = this.#control
    const asked = Promise.all([
      partitionOwners(redis, this.partitions),
      readWorkerReports(redis),
      this.#eviction.look(),
    ])
    const [owners, workers] = await withDeadline(COMMAND_DEADLINE_MS, orWhyNot(redis, asked))
    return { owners, workers }
  }

  /** Why nothing may be acknowledged, as last seen by `look`. */
  get evictionReason(): string | undefined {
    return this.#eviction.reason
  }

  /** Share of Redis' `maxmemory` that is in use, as last seen by `look`; 0 where it has none. */
  get usedShare(): number {
    return this.#eviction.usedShare
  }

  /**
   * Raises the mark of sequence names to at least `newest` and returns the highest value any gateway has set.
   *
   * @throws BusUnavailable
   */
  async raiseSequence(newest: number): Promise<number> {
    return Number(await this.#controlChannel.script(RAISE_SCRIPT, [keys.sequence], [newest]))
  }

  /** The contract hash of the running processes; `undefined` when none runs. @throws BusUnavailable */
  runningContract(): Promise<string | undefined> {
    return this.#controlChannel.run(runningContract)
  }

  /** What the contract of the processes that were started last holds, as JSON. @throws BusUnavailable */
  contractRecord(): Promise<string | undefined> {
    return this.#controlChannel.run(readContractRecord)
  }

  get breakers(): GuardState[] {
    return [...this.#guards.values()].map((guard) => guard.state)
  }

  /** When a call of a class may be tried again, ms; 0 while calls are let through. */
  retryAfterMs(busClass: BusClass): number {
    return this.#guards.get(busClass)!.retryAfterMs
  }

  /** Releases the claim and disconnects. */
  close(): void {
    this.#clock.close()
    this.#storeClock.close()
    this.#claim?.close()
    for (const guard of this.#guards.values()) guard.close()
    for (const redis of this.#connections.values()) redis.disconnect()
  }

  get #control(): Redis {
    return this.#connections.get(this.#settings.channels[0])!
  }

  get #controlChannel(): Channel {
    return this.#channel(this.#settings.channels[0])
  }

  #channel(name: ChannelName): Channel {
    const channel = this.#channels.get(name)
    if (channel === undefined) throw new Error(`the bus was opened without a channel for ${name}`)
    return channel
  }

  #guard(channel: ChannelName, redis: Redis): Guard {
    const busClass = channel === 'replay' ? 'query' : channel
    let guard = this.#guards.get(busClass)
    if (guard === undefined) {
      const { breaker, deadlinesMs, onBreaker, replicas = 0 } = this.#settings
      guard = openGuard(redis, busClass, {
        ...(breaker !== undefined && { limits: breaker }),
        deadlineMs: deadlinesMs?.[busClass] ?? DEADLINES_MS[busClass],
        replicas,
        ...(onBreaker !== undefined && { onChange: onBreaker }),
      })
      this.#guards.set(busClass, guard)
    }
    return guard
  }
}

/** For the queues of `jobs/`, which have connections of their own. */
export interface BusInternals {
  readonly url: string
  readonly name: string
  channel(name: ChannelName): Channel
}

const internals = new WeakMap<Bus, BusInternals>()

/** Only for this folder: the index does not export it. */
export function internalsOf(bus: Bus): BusInternals {
  return internals.get(bus)!
}
