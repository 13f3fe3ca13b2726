import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { GuardState, WorkerReport } from '../bus/index.ts'
import type { DeliveryStats } from '../delivery/index.ts'
import type { LimitName, LimitStats } from '../limits/index.ts'
import { METRICS } from './metric-names.ts'

const BREAKER_VALUE: Record<GuardState['state'], number> = { closed: 0, half_open: 0.5, open: 1 }

/** Seconds: an answer takes some ms, a takeover of its partition 1.5 s, and a deadline is 10 s where none is named. */
const COMMAND_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Sources of values that are read when the metrics are requested. */
export interface MetricSources {
  readonly sessions: () => number
  readonly pendingBytes: () => number
  readonly pendingCommands: () => number
  readonly delivery: () => DeliveryStats
  readonly limits: () => LimitStats
  readonly waitingFrameBytes: () => number
  readonly readiness: () => {
    readonly ready: boolean
    readonly tails: readonly { readonly partition: number; readonly canaryAgeMs: number }[]
  }
  /** Workers have no HTTP of their own: they publish with their heartbeat, and any gateway shows it. */
  readonly workers: () => Promise<ReadonlyMap<string, WorkerReport>>
}

/** The metrics of one gateway process and of the workers, as Prometheus text. */
export class GatewayMetrics {
  readonly #registry = new Registry()
  readonly #breaker: Gauge<'class'>
  readonly #frames: Counter<'outcome'>
  readonly #commandTime: Histogram<'outcome'>
  readonly #refused: Counter<'limit'>
  /** Since the metrics were last requested: under a flood it costs as much to find a labelled counter as to refuse. */
  readonly #newlyRefused = new Map<LimitName, number>()
  #refresh: () => Promise<void> = async () => {}

  constructor(node: string) {
    this.#registry.setDefaultLabels({ node })
    collectDefaultMetrics({ register: this.#registry })
    this.#breaker = this.#gauge('breaker', ['class'])
    this.#frames = new Counter({ ...METRICS.frames, labelNames: ['outcome'], registers: [this.#registry] })
    this.#refused = new Counter({ ...METRICS.refused, labelNames: ['limit'], registers: [this.#registry] })
    this.#commandTime = new Histogram({
      ...METRICS.commandTime,
      labelNames: ['outcome'],
      buckets: COMMAND_BUCKETS,
      registers: [this.#registry],
    })
  }

  readonly onBreaker = (state: GuardState): void => {
    this.#breaker.set({ class: state.class }, BREAKER_VALUE[state.state])
  }

  /** A publish frame was answered: `ack`, or the code of its rejection. */
  readonly onFrame = (outcome: string): void => {
    this.#frames.inc({ outcome })
  }

  /** A command was answered: `done`, `domain` or a code. */
  readonly onCommand = (outcome: string, seconds: number): void => {
    this.#commandTime.observe({ outcome }, seconds)
  }

  /** Something was over a limit. */
  readonly onRefused = (limit: LimitName): void => {
    this.#newlyRefused.set(limit, (this.#newlyRefused.get(limit) ?? 0) + 1)
  }

  /** Names the sources. Called once. */
  observe(sources: MetricSources): void {
    const refreshOwn = this.#own(sources)
    const refreshWorkers = this.#workers(sources)
    this.#refresh = async () => {
      for (const [limit, count] of this.#newlyRefused) this.#refused.inc({ limit }, count)
      this.#newlyRefused.clear()
      refreshOwn()
      // Without Redis a gateway still shows its own figures.
      await refreshWorkers().catch(() => {})
    }
  }

  async render(): Promise<string> {
    await this.#refresh()
    return this.#registry.metrics()
  }

  #own({
    sessions,
    pendingBytes,
    pendingCommands,
    delivery,
    limits,
    waitingFrameBytes,
    readiness,
  }: MetricSources): () => void {
    const isReady = this.#gauge('ready', [])
    const canaryAge = this.#gauge('canaryAge', ['partition'])
    const open = this.#gauge('sessions', [])
    const pending = this.#gauge('pendingBytes', [])
    const commands = this.#gauge('pendingCommands', [])
    const subscriptions = this.#gauge('subscriptions', [])
    const queueBytes = this.#gauge('queueBytes', [])
    const congested = this.#gauge('congested', [])
    const held = this.#gauge('pinned', ['of'])
    const filterTerms = this.#gauge('filterTerms', [])
    const accounts = this.#gauge('limitAccounts', ['scope'])
    const byLane = {
      delivered: this.#gauge('delivered', ['lane']),
      conflated: this.#gauge('conflated', ['lane']),
      sampled: this.#gauge('sampled', ['lane']),
      gapped: this.#gauge('gapped', ['lane']),
      queued: this.#gauge('queued', ['lane']),
    }
    return () => {
      const { ready, tails } = readiness()
      isReady.set(ready ? 1 : 0)
      for (const { partition, canaryAgeMs } of tails) canaryAge.set({ partition }, canaryAgeMs)
      const stats = delivery()
      open.set(sessions())
      pending.set(pendingBytes())
      commands.set(pendingCommands())
      subscriptions.set(stats.subscriptions)
      queueBytes.set(stats.queueBytes)
      const used = limits()
      held.set({ of: 'subscriptions' }, used.subscriptionBytes)
      held.set({ of: 'bodies' }, used.bodyBytes)
      held.set({ of: 'frames' }, waitingFrameBytes())
      held.set({ of: 'replay_pages' }, stats.replayPageBytes)
      filterTerms.set(used.filterTerms)
      for (const [scope, count] of Object.entries(used.accounts)) accounts.set({ scope }, count)
      congested.set(stats.congestedSessions)
      for (const [lane, counts] of Object.entries(stats.lanes)) {
        for (const [fate, gauge] of Object.entries(byLane)) gauge.set({ lane }, counts[fate as keyof typeof byLane])
      }
    }
  }

  #workers({ workers }: MetricSources): () => Promise<void> {
    const lag = this.#gauge('lag', ['worker', 'partition'])
    const openStates = this.#gauge('openStates', ['worker', 'partition'])
    const stateBytes = this.#gauge('stateBytes', ['worker', 'partition'])
    const slowestSource = this.#gauge('slowestSource', ['worker', 'partition', 'window', 'source'])
    const commitTime = this.#gauge('commitTime', ['worker'])
    const commits = this.#gauge('commits', ['worker', 'outcome'])
    const breaker = this.#gauge('workerBreaker', ['worker', 'class'])
    const lostInputs = this.#gauge('lostInputs', ['worker'])
    const unreadable = this.#gauge('unreadableBatches', ['worker'])
    const slowest = this.#gauge('slowestCommit', ['worker'])
    const folded = {
      events: this.#gauge('folded', ['worker']),
      late: this.#gauge('late', ['worker']),
      full: this.#gauge('full', ['worker']),
      panes: this.#gauge('panes', ['worker']),
      deadLetters: this.#gauge('deadLetters', ['worker']),
    }
    return async () => {
      const reports = await workers()
      // A partition moves and a worker ends: values that nobody reports any more must not stay.
      for (const gauge of [
        lag,
        openStates,
        stateBytes,
        slowestSource,
        commits,
        commitTime,
        breaker,
        lostInputs,
        unreadable,
        slowest,
        ...Object.values(folded),
      ])
        gauge.reset()
      for (const [worker, report] of reports) {
        for (const [partition, gauges] of Object.entries(report.partitions)) {
          lag.set({ worker, partition }, gauges.lagMs)
          openStates.set({ worker, partition }, gauges.openStates)
          stateBytes.set({ worker, partition }, gauges.stateBytes)
          // A worker of an older version may report none.
          for (const { window, source, behindMs } of gauges.slowestSources ?? []) {
            slowestSource.set({ worker, partition, window, source }, behindMs)
          }
        }
        for (const [outcome, count] of Object.entries(report.commits)) commits.set({ worker, outcome }, count)
        for (const state of report.breakers) breaker.set({ worker, class: state.class }, BREAKER_VALUE[state.state])
        for (const [name, gauge] of Object.entries(folded)) {
          gauge.set({ worker }, report.folded[name as keyof WorkerReport['folded']])
        }
        lostInputs.set({ worker }, report.lostInputs ?? 0)
        unreadable.set({ worker }, report.unreadableBatches ?? 0)
        commitTime.set({ worker }, report.commitMs)
        slowest.set({ worker }, report.slowestCommitMs)
      }
    }
  }

  #gauge<Label extends string>(metric: keyof typeof METRICS, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ ...METRICS[metric], labelNames, registers: [this.#registry] })
  }
}
