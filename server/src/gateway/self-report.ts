import {
  type Bus,
  BusFull,
  BusUnavailable,
  type GatewayEntry,
  type GatewayReport,
  type StoredReport,
} from '../bus/index.ts'
import type { Delivery } from '../delivery/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import type { Readiness } from './readiness.ts'

const REPORT_EVERY_MS = 1_000
/** What somebody looks at on one screen. */
const MAX_SLOW = 5
const MAX_TOPICS = 3
const MAX_RED = 5

export interface SelfReportOptions {
  readonly entry: Pick<GatewayEntry, 'renew' | 'leave'>
  readonly url: string
  readonly version: string
  readonly bus: Pick<Bus, 'breakers'>
  readonly readiness: Pick<Readiness, 'report'>
  readonly delivery: Pick<Delivery, 'stats' | 'slowest'>
  /** Sockets that are open. */
  readonly sessions: () => number
  readonly pendingBytes: () => number
  readonly stored: () => StoredReport
  /** Events that a command has stored, for this gateway to count. */
  readonly onStored: (topic: string, events: number) => void
  /** Called once for each report. */
  readonly latency: () => NonNullable<GatewayReport['latency']>
  readonly report: ReportDefect
}

/** Says once a second in Redis how a gateway is, for whoever looks at a deployment without reaching its gateways. */
export class SelfReport {
  readonly #options: SelfReportOptions
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(options: SelfReportOptions) {
    this.#options = options
  }

  start(): void {
    this.tick()
    this.#timer = setInterval(() => this.tick(), REPORT_EVERY_MS)
  }

  /** Sends a report unless one is under way. */
  tick(): void {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    await this.#attempt('leave', (entry) => entry.leave())
  }

  #send(): Promise<void> {
    return this.#attempt('renew', async (entry) => {
      for (const [topic, events] of await entry.renew(this.#look())) this.#options.onStored(topic, events)
    })
  }

  /** While Redis is away nobody sees the entry either. */
  async #attempt(what: string, call: (entry: SelfReportOptions['entry']) => Promise<void>): Promise<void> {
    try {
      await call(this.#options.entry)
    } catch (error) {
      if (error instanceof BusUnavailable || error instanceof BusFull) return
      this.#options.report(`the entry of this gateway (${what})`, error)
    }
  }

  #look(): GatewayReport {
    const { url, version, bus, readiness, delivery, sessions, pendingBytes, stored, latency } = this.#options
    const { ready, red, draining } = readiness.report()
    const { subscriptions, queueBytes, congestedSessions } = delivery.stats()
    return {
      url,
      version,
      ready,
      red: red.slice(0, MAX_RED).map(({ part, partition, why }) => {
        return `${part}${partition === undefined ? '' : ` of partition ${partition}`}: ${why}`
      }),
      draining,
      sessions: sessions(),
      subscriptions,
      queueBytes,
      congestedSessions,
      pendingBytes: pendingBytes(),
      breakers: bus.breakers,
      slow: delivery.slowest(MAX_SLOW).map(({ session, subscriptions: open, ...slow }) => ({
        session,
        topics: open.slice(0, MAX_TOPICS).map(({ topic }) => topic),
        reason: slow.reason,
        congestedMs: slow.congestedMs,
        queuedBytes: slow.queuedBytes,
        queuedEvents: slow.queuedEvents,
      })),
      stored: stored(),
      latency: latency(),
    }
  }
}
