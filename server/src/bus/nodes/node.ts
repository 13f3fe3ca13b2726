import { openCommandConnection, type Redis, untilReady } from '../redis/connection.ts'
import { RedisClock } from '../redis/redis-clock.ts'
import { EvictionWatch } from '../redis/redis-fitness.ts'
import { exactRedisNow, redisNow } from '../redis/redis-time.ts'
import { StoreClock } from '../redis/store-clock.ts'
import type { BreakerLimits } from './breaker.ts'
import { type BusClass, DEADLINES_MS, type Guard, type GuardState } from './guard.ts'
import { Line } from './line.ts'
import { openGuard } from './probe.ts'

/**
 * A connection for the commands of one class. Replays and queries have separate ones: neither waits behind the other's
 * pages. Nor do answers of commands wait behind large commits.
 */
export type ChannelName = BusClass | 'replay' | 'answers'

const CLASS_OF: Readonly<Record<string, BusClass>> = { replay: 'query', answers: 'commit' }

export interface NodeSettings {
  readonly url: string
  /** Names the connections in Redis' list of clients. */
  readonly name: string
  /** The channels that the process uses; the first one also serves everything that belongs to no partition. */
  readonly channels: readonly [ChannelName, ...ChannelName[]]
  /** When breakers open, and for how long. */
  readonly breaker?: BreakerLimits
  /** Deadlines of classes, ms, in place of the defaults. */
  readonly deadlinesMs?: Partial<Record<BusClass, number>>
  /** Replicas that must have an append before it counts as stored. */
  readonly replicas?: number
  /** Called on every change of a breaker. */
  readonly onBreaker?: (state: GuardState) => void
}

/** All that a process says to one Redis: a connection and a breaker for each class of operations, and that Redis' clock. */
export class Node {
  /** `host:port` in a cluster; '' where there is one Redis. */
  readonly name: string
  readonly eviction: EvictionWatch
  readonly clock: RedisClock
  readonly storeClock: StoreClock
  readonly #lines = new Map<ChannelName, Line>()
  readonly #guards = new Map<BusClass, Guard>()
  readonly #control: Line

  /** @param probed a key that lies there, for a probe of a class */
  constructor(name: string, settings: NodeSettings, probed: (busClass: BusClass) => string) {
    this.name = name
    const { url, channels } = settings
    for (const channel of channels) {
      const redis = openCommandConnection(url, `${settings.name}-${channel}`, { node: name })
      this.#lines.set(channel, new Line(redis, this.#guard(channel, redis, settings, probed), name !== ''))
    }
    this.#control = this.#lines.get(channels[0])!
    this.eviction = new EvictionWatch(this.redis)
    this.clock = new RedisClock(() => this.#control.run(redisNow))
    this.storeClock = new StoreClock(() => this.#control.run(exactRedisNow))
  }

  /** The connection of the first channel, without its guard. */
  get redis(): Redis {
    return this.#control.redis
  }

  /** The connection of the first channel. */
  get control(): Line {
    return this.#control
  }

  line(channel: ChannelName): Line {
    const line = this.#lines.get(channel)
    if (line === undefined) throw new Error(`the bus was opened without a channel for ${channel}`)
    return line
  }

  guard(busClass: BusClass): Guard {
    return this.#guards.get(busClass)!
  }

  get breakers(): GuardState[] {
    return [...this.#guards.values()].map((guard) => guard.state)
  }

  /** @throws BusUnreachable */
  async untilReady(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#lines.values()].map(({ redis }) => untilReady(redis, deadlineMs)))
  }

  close(): void {
    this.clock.close()
    this.storeClock.close()
    for (const guard of this.#guards.values()) guard.close()
    for (const { redis } of this.#lines.values()) redis.disconnect()
  }

  #guard(channel: ChannelName, redis: Redis, settings: NodeSettings, probed: (busClass: BusClass) => string): Guard {
    const busClass = CLASS_OF[channel] ?? (channel as BusClass)
    let guard = this.#guards.get(busClass)
    if (guard === undefined) {
      const { breaker, deadlinesMs, onBreaker, replicas = 0 } = settings
      guard = openGuard(redis, busClass, {
        ...(this.name !== '' && { node: this.name }),
        ...(breaker !== undefined && { limits: breaker }),
        deadlineMs: deadlinesMs?.[busClass] ?? DEADLINES_MS[busClass],
        replicas,
        probedKey: () => probed(busClass),
        ...(onBreaker !== undefined && { onChange: onBreaker }),
      })
      this.#guards.set(busClass, guard)
    }
    return guard
  }
}
