import type { CommitReply, GuardState, RedisState, WindowSource } from '../bus/index.ts'
import { count, ProcessMetrics } from './process-metrics.ts'

/** What an owner knows of its partition at this moment. */
export interface PartitionFigures {
  readonly lagMs: number
  /** `undefined` until it was looked at. */
  readonly lagEntries: number | undefined
  readonly openStates: number
  readonly stateBytes: number
  /** Window -> how far its watermark is behind the clock. */
  readonly watermarkDelaysMs: ReadonlyMap<string, number>
  /** Of each window with a clock per source or key, the one furthest behind. */
  readonly slowestSources: readonly WindowSource[]
  /** Presence topic -> subjects. */
  readonly present: ReadonlyMap<string, number>
}

/** Counted since the start of the process. */
export interface FoldTotals {
  readonly events: number
  readonly late: number
  readonly full: number
  readonly panes: number
  readonly deadLetters: number
  readonly lostInputs: number
  readonly unreadableBatches: number
}

/** Sources of values that are read when the metrics are requested. */
export interface WorkerSources {
  readonly partitions: number
  readonly breakers: () => readonly GuardState[]
  readonly isReady: () => boolean
  /** Partition -> what its owner, this worker, knows of it. */
  readonly owned: () => ReadonlyMap<number, PartitionFigures>
  readonly totals: () => FoldTotals
  /** States of the Redis that the owner of such partitions reports. */
  readonly redis: (isOwned: (partition: number) => boolean) => Promise<readonly RedisState[]>
}

/** Of a counter that was absent no increase is seen. */
const COMMIT_OUTCOMES: readonly CommitReply['status'][] = ['ok', 'fenced', 'conflict', 'lineage']

/** The metrics of one worker process: of itself, of the partitions it owns, and of the Redis that it is the one to show. */
export class WorkerMetrics {
  readonly #metrics: ProcessMetrics
  readonly #commitTime

  constructor(node: string) {
    this.#metrics = new ProcessMetrics({ role: 'worker', node })
    this.#commitTime = this.#metrics.histogram('commitTime')
    for (const outcome of COMMIT_OUTCOMES) this.#commitTime.zero({ outcome })
  }

  readonly onCommit = (outcome: string, tookMs: number): void => {
    this.#commitTime.observe({ outcome }, tookMs / 1_000)
  }

  /** Names the sources. Called once. */
  observe(sources: WorkerSources): void {
    const metrics = this.#metrics
    metrics.gauge('partitions').set(sources.partitions)
    metrics.showBreakers(sources.breakers)
    const isReady = metrics.gauge('ready')
    metrics.onRequest(() => isReady.set(sources.isReady() ? 1 : 0))
    this.#showPartitions(sources)
    this.#showTotals(sources)
    this.#showRedis(sources)
  }

  render(): Promise<string> {
    return this.#metrics.render()
  }

  #showPartitions({ owned }: WorkerSources): void {
    const count = this.#metrics.gauge('owned')
    const lagSeconds = this.#metrics.gauge('lagSeconds')
    const lagEntries = this.#metrics.gauge('lagEntries')
    const openStates = this.#metrics.gauge('openStates')
    const stateBytes = this.#metrics.gauge('stateBytes')
    const delay = this.#metrics.gauge('watermarkDelay')
    const slowest = this.#metrics.gauge('slowestSource')
    const subjects = this.#metrics.gauge('presenceSubjects')
    const ofPartitions = [lagSeconds, lagEntries, openStates, stateBytes, delay, slowest, subjects]
    this.#metrics.onRequest(() => {
      // A partition moves: what its next owner exports must not stay here.
      for (const gauge of ofPartitions) gauge.reset()
      const figures = owned()
      count.set(figures.size)
      for (const [partition, of] of figures) {
        lagSeconds.set({ partition }, of.lagMs / 1_000)
        if (of.lagEntries !== undefined) lagEntries.set({ partition }, of.lagEntries)
        openStates.set({ partition }, of.openStates)
        stateBytes.set({ partition }, of.stateBytes)
        for (const [window, ms] of of.watermarkDelaysMs) delay.set({ partition, window }, ms / 1_000)
        for (const { window, behindMs } of of.slowestSources) slowest.set({ partition, window }, behindMs / 1_000)
        for (const [topic, there] of of.present) subjects.set({ partition, topic }, there)
      }
    })
  }

  #showTotals({ totals }: WorkerSources): void {
    const counters = {
      events: this.#metrics.counter('folded'),
      late: this.#metrics.counter('late'),
      full: this.#metrics.counter('full'),
      panes: this.#metrics.counter('panes'),
      deadLetters: this.#metrics.counter('deadLetters'),
      lostInputs: this.#metrics.counter('lostInputs'),
      unreadableBatches: this.#metrics.counter('unreadableBatches'),
    }
    this.#metrics.onRequest(() => {
      const counted = totals()
      for (const [name, counter] of Object.entries(counters)) count(counter, counted[name as keyof FoldTotals])
    })
  }

  #showRedis({ owned, redis }: WorkerSources): void {
    const memory = this.#metrics.gauge('redisMemory')
    const limit = this.#metrics.gauge('redisMemoryLimit')
    const clients = this.#metrics.gauge('redisClients')
    const maxClients = this.#metrics.gauge('redisClientLimit')
    const enabled = this.#metrics.gauge('redisAofEnabled')
    const rewriting = this.#metrics.gauge('redisAofRewriting')
    const ok = this.#metrics.gauge('redisAofOk')
    const bytes = this.#metrics.gauge('redisAofBytes')
    const delayed = this.#metrics.counter('redisDelayedFsync')
    this.#metrics.onRequest(async () => {
      const partitions = owned()
      const states = await redis((partition) => partitions.has(partition))
      // Without an answer there is no value, rather than an old one.
      for (const each of [memory, limit, clients, maxClients, enabled, rewriting, ok, bytes, delayed]) each.reset()
      for (const state of states) {
        const { node } = state
        memory.set({ redis: node }, state.usedBytes)
        limit.set({ redis: node }, state.maxBytes)
        clients.set({ redis: node }, state.clients)
        maxClients.set({ redis: node }, state.maxClients)
        enabled.set({ redis: node }, Number(state.aof.isEnabled))
        rewriting.set({ redis: node }, Number(state.aof.isRewriting))
        ok.set({ redis: node, operation: 'write' }, Number(state.aof.hasWritten))
        ok.set({ redis: node, operation: 'rewrite' }, Number(state.aof.hasRewritten))
        bytes.set({ redis: node }, state.aof.bytes)
        delayed.inc({ redis: node }, state.aof.delayedFsyncs)
      }
    })
  }
}
