import { type GapReason, RETRYABLE } from '@tidegate/protocol'
import type { GatewayReport, GuardState } from '../bus/index.ts'
import type { DeliveryStats } from '../delivery/index.ts'
import { LIMIT_NAMES, type LimitName, type LimitStats } from '../limits/index.ts'
import { count, ProcessMetrics } from './process-metrics.ts'
import { RecentLatency } from './recent-latency.ts'

/** Of the outcomes of frames and commands, those that concern operators: of a counter that was absent no increase is seen. */
const FRAME_OUTCOMES = ['ack', 'internal', ...RETRYABLE]
const COMMAND_OUTCOMES = ['done', 'domain', ...RETRYABLE]
const GAP_REASONS: readonly GapReason[] = ['overflow', 'trimmed', 'epoch', 'reset', 'bus']

/** Sources of values that are read when the metrics are requested. */
export interface GatewaySources {
  readonly partitions: number
  readonly breakers: () => readonly GuardState[]
  readonly connections: () => { readonly websocket: number; readonly stream: number }
  readonly pendingBytes: () => number
  readonly pendingCommands: () => number
  readonly delivery: () => DeliveryStats
  readonly limits: () => LimitStats
  readonly waitingFrameBytes: () => number
  /** Presence topic -> connections. */
  readonly present: () => Iterable<readonly [topic: string, connections: number]>
  readonly readiness: () => {
    readonly ready: boolean
    readonly tails: readonly { readonly partition: number; readonly canaryAgeMs: number }[]
  }
}

/** The metrics of one gateway process. What belongs to partitions and to Redis, workers export. */
export class GatewayMetrics {
  readonly #metrics: ProcessMetrics
  readonly #publishToStore
  readonly #storeToSocket
  readonly #sourceToSocket
  readonly #recentStore: RecentLatency
  readonly #recentSocket: RecentLatency
  readonly #frames
  readonly #commandTime
  readonly #gaps
  /** Since the metrics were last requested: under a flood it costs as much to find a labelled counter as to refuse. */
  readonly #newlyRefused = new Map<LimitName, number>()

  constructor(node: string) {
    this.#metrics = new ProcessMetrics({ role: 'gateway', node })
    this.#publishToStore = this.#metrics.latency('publishToStore')
    this.#storeToSocket = this.#metrics.latency('storeToSocket')
    this.#sourceToSocket = this.#metrics.latency('sourceToSocket')
    this.#recentStore = new RecentLatency(this.#publishToStore)
    this.#recentSocket = new RecentLatency(this.#storeToSocket)
    this.#frames = this.#metrics.counter('frames')
    this.#commandTime = this.#metrics.latencies('commandTime', 'outcome')
    this.#gaps = this.#metrics.counter('gaps')
    for (const outcome of FRAME_OUTCOMES) this.#frames.inc({ outcome }, 0)
    for (const outcome of COMMAND_OUTCOMES) this.#commandTime.of(outcome)
    for (const reason of GAP_REASONS) this.#gaps.inc({ reason }, 0)
  }

  /** A publish frame was answered: `ack`, or the code of its rejection. */
  readonly onFrame = (outcome: string): void => {
    this.#frames.inc({ outcome })
  }

  /** An append was stored, so long after the first of its slices had come. */
  readonly onStored = (waitedMs: number): void => {
    this.#publishToStore.observe(waitedMs / 1_000)
  }

  /** A frame of live events was written: how long ago its oldest was stored, and stamped by its source. */
  readonly onDelivered = (sinceStoredMs: number, sinceSourceMs: number): void => {
    this.#storeToSocket.observe(sinceStoredMs / 1_000)
    this.#sourceToSocket.observe(sinceSourceMs / 1_000)
  }

  readonly onGap = (reason: string): void => {
    this.#gaps.inc({ reason })
  }

  /** A command was answered: `done`, `domain` or a code. */
  readonly onCommand = (outcome: string, seconds: number): void => {
    this.#commandTime.of(outcome).observe(seconds)
  }

  /** Something was over a limit. */
  readonly onRefused = (limit: LimitName): void => {
    this.#newlyRefused.set(limit, (this.#newlyRefused.get(limit) ?? 0) + 1)
  }

  /** Of the last seconds. Called once for each report of the gateway. */
  latency(): NonNullable<GatewayReport['latency']> {
    return { publishToStore: this.#recentStore.take(), storeToSocket: this.#recentSocket.take() }
  }

  /** Names the sources. Called once. */
  observe(sources: GatewaySources): void {
    const metrics = this.#metrics
    metrics.gauge('partitions').set(sources.partitions)
    metrics.showBreakers(sources.breakers)
    this.#showReadiness(sources)
    this.#showConnections(sources)
    this.#showQueues(sources)
    this.#showLimits(sources)
  }

  render(): Promise<string> {
    return this.#metrics.render()
  }

  #showReadiness({ readiness }: GatewaySources): void {
    const isReady = this.#metrics.gauge('ready')
    const canaryAge = this.#metrics.gauge('canaryAge')
    this.#metrics.onRequest(() => {
      const { ready, tails } = readiness()
      isReady.set(ready ? 1 : 0)
      for (const { partition, canaryAgeMs } of tails) canaryAge.set({ partition }, canaryAgeMs / 1_000)
    })
  }

  #showConnections({ connections, present, pendingBytes, pendingCommands }: GatewaySources): void {
    const open = this.#metrics.gauge('connections')
    const presence = this.#metrics.gauge('presenceConnections')
    const bytes = this.#metrics.gauge('pendingBytes')
    const commands = this.#metrics.gauge('pendingCommands')
    this.#metrics.onRequest(() => {
      for (const [kind, count] of Object.entries(connections())) open.set({ kind }, count)
      for (const [topic, count] of present()) presence.set({ topic }, count)
      bytes.set(pendingBytes())
      commands.set(pendingCommands())
    })
  }

  #showQueues({ delivery }: GatewaySources): void {
    const subscriptions = this.#metrics.gauge('subscriptions')
    const memory = this.#metrics.gauge('queueMemory')
    const limit = this.#metrics.gauge('queueLimit')
    const congested = this.#metrics.gauge('congested')
    const events = this.#metrics.gauge('queued')
    const bytes = this.#metrics.gauge('queuedBytes')
    const delivered = this.#metrics.counter('delivered')
    this.#metrics.onRequest(() => {
      const stats = delivery()
      subscriptions.set(stats.subscriptions)
      memory.set(stats.queueBytes)
      limit.set(stats.maxQueueBytes)
      congested.set(stats.congestedSessions)
      for (const [lane, { queued, queuedBytes, ...outcomes }] of Object.entries(stats.lanes)) {
        events.set({ lane }, queued)
        bytes.set({ lane }, queuedBytes)
        for (const [outcome, total] of Object.entries(outcomes)) count(delivered, total, { lane, outcome })
      }
    })
  }

  #showLimits({ limits, delivery, waitingFrameBytes }: GatewaySources): void {
    const refused = this.#metrics.counter('refused')
    const held = this.#metrics.gauge('pinned')
    const filterTerms = this.#metrics.gauge('filterTerms')
    const accounts = this.#metrics.gauge('limitAccounts')
    for (const limit of LIMIT_NAMES) refused.inc({ limit }, 0)
    this.#metrics.onRequest(() => {
      for (const [limit, count] of this.#newlyRefused) refused.inc({ limit }, count)
      this.#newlyRefused.clear()
      const used = limits()
      held.set({ of: 'subscriptions' }, used.subscriptionBytes)
      held.set({ of: 'bodies' }, used.bodyBytes)
      held.set({ of: 'commands' }, used.commandBytes)
      held.set({ of: 'frames' }, waitingFrameBytes())
      const { replayPageBytes, unreadBytes } = delivery()
      held.set({ of: 'replay_pages' }, replayPageBytes)
      held.set({ of: 'sockets' }, unreadBytes)
      filterTerms.set(used.filterTerms)
      for (const [scope, count] of Object.entries(used.accounts)) accounts.set({ scope }, count)
    })
  }
}
