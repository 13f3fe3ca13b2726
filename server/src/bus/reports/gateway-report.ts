import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import type { GuardState } from '../nodes/guard.ts'
import { answersOf } from '../redis/answers-of.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript, type Script } from '../redis/script.ts'
import { type Read, readLiveReports } from './live-reports.ts'
import type { StoredReport } from './stored-report.ts'

/** Also in a full Redis: all gateways would seem to be gone when somebody has to look at them. */
const REPORT_SCRIPT: Script = loadScript('gateway-report', { allowOom: true, include: ['owner'] })

/**
 * A gateway without a heartbeat for this long does not count. Nor does one whose heartbeat lies that far in the future:
 * it was written before Redis' clock was set back.
 */
const GATEWAY_ALIVE_MS = 5_000
/** What no gateway took in that time is older than the rates that it would be counted in. */
const UNCOUNTED_MS = 60_000

/** A subscriber with waiting events, of the slowest ones of a gateway. */
export interface ReportedSubscriber {
  /** Name of its connection. */
  readonly session: string
  /** What it is subscribed to; the first of them. */
  readonly topics: readonly string[]
  /** Why it cannot be written to: its client sends no credit, or its socket accepts no more. */
  readonly reason: 'credit' | 'socket' | null
  readonly congestedMs: number
  readonly queuedBytes: number
  readonly queuedEvents: number
}

/** Of the last seconds, ms. */
export interface ReportedLatency {
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What a gateway says of itself with its heartbeat. Its length is bounded. */
export interface GatewayReport {
  /** Where clients reach it: as it listens, which behind a proxy is not what they know. */
  readonly url: string
  readonly version: string
  readonly ready: boolean
  /** Why it is not, or what works less than it should; the first of them. */
  readonly red: readonly string[]
  /** It is handing its clients to others before it stops. */
  readonly draining: boolean
  readonly sessions: number
  readonly subscriptions: number
  /** Events that wait for slow clients, bytes. */
  readonly queueBytes: number
  readonly congestedSessions: number
  /** Publishes that wait for Redis, bytes. */
  readonly pendingBytes: number
  /** Breakers of its own calls to Redis. */
  readonly breakers: readonly GuardState[]
  readonly slow: readonly ReportedSubscriber[]
  /** Events of clients that it has stored. Absent: of an earlier version. */
  readonly stored?: StoredReport
  /** `null` where there was nothing to measure. Absent: of an earlier version. */
  readonly latency?: {
    /** From the arrival of events until they are stored. */
    readonly publishToStore: ReportedLatency | null
    /** From the store until they were written to a socket. */
    readonly storeToSocket: ReportedLatency | null
  }
}

/** The entry of a gateway among the live ones, by heartbeats in Redis. */
export class GatewayEntry {
  readonly #channel: Channel
  readonly #gateway: string

  /** @param gateway unique among the gateways of the deployment */
  constructor(channel: Channel, gateway: string) {
    this.#channel = channel
    this.#gateway = gateway
  }

  /** @returns events that commands have stored, by topic: for this gateway to count, once @throws BusUnavailable */
  async renew(report: GatewayReport): Promise<ReadonlyMap<string, number>> {
    const scriptKeys = [keys.gateways, keys.gateway(this.#gateway), keys.uncounted]
    const args = [this.#gateway, JSON.stringify(report), GATEWAY_ALIVE_MS]
    const counts = (await this.#channel.script(REPORT_SCRIPT, scriptKeys, args)) as string[]
    return new Map(counts.flatMap((topic, i) => (i % 2 === 0 ? [[topic, Number(counts[i + 1])] as const] : [])))
  }

  /** @throws BusUnavailable */
  async leave(): Promise<void> {
    await this.#channel.run((redis) =>
      answersOf(redis.pipeline().zrem(keys.gateways, this.#gateway).unlink(keys.gateway(this.#gateway))),
    )
  }
}

/** Has a gateway count events that a command has stored, by topic. @throws BusUnavailable, BusFull */
export async function leaveToCount(channel: Channel, events: ReadonlyMap<string, number>): Promise<void> {
  await channel.run((redis) => {
    const calls = redis.pipeline()
    for (const [topic, count] of events) calls.hincrby(keys.uncounted, topic, count)
    return answersOf(calls.pexpire(keys.uncounted, UNCOUNTED_MS))
  })
}

/** Reports of the live gateways, by their names. */
export function readGatewayReports(redis: Redis): Promise<ReadonlyMap<string, Read<GatewayReport>>> {
  return readLiveReports(redis, { heartbeats: keys.gateways, reportOf: keys.gateway, aliveMs: GATEWAY_ALIVE_MS })
}
