import { randomUUID } from 'node:crypto'
import { type Bus, LOG_START, type LogVersion } from '../bus/index.ts'
import { JobOffers } from '../bus/jobs/index.ts'
import { extentMs } from '../config/contract/append-lead.ts'
import type { Contract } from '../config/contract/model.ts'
import { decodeOffsets, encodeOffsets, Pipeline } from '../fold/index.ts'
import { BACKFILLS } from './backfill-queue.ts'
import { BackfillStore } from './backfill-store.ts'
import {
  type BackfillRequest,
  type BackfillRun,
  type PartitionFacts,
  type PartitionPlan,
  planPartition,
} from './plan.ts'
import { BackfillRefused } from './refused.ts'
import { decodeTotals, progressOf } from './run-progress.ts'
import type { BackfillTarget } from './target.ts'

export interface BackfillStatus {
  readonly partitions: number
  readonly done: number
  /** Why partitions failed. */
  readonly failures: readonly string[]
  /** Read share of what existed at the request, 0 to 1. */
  readonly fraction: number
  readonly events: number
  readonly panes: number
  /** How long its last windows accept late events at most, ms of event time. */
  readonly openForMs: number
}

export interface StartedBackfill {
  readonly request: BackfillRequest
  /** It was under way already. */
  readonly isJoined: boolean
  /** Partitions with something to fill. */
  readonly partitions: readonly number[]
  /** Why there is none. */
  readonly nothing: string | undefined
}

interface PartitionState {
  readonly partition: number
  readonly log: LogVersion
  readonly facts: PartitionFacts
  readonly run: BackfillRun | undefined
}

/** Asks the workers to fill the past of a window, and reports their progress. */
export class Backfills {
  readonly #bus: Bus
  readonly #live: Pipeline
  readonly #target: BackfillTarget
  readonly #offers: JobOffers<{ window: string; partition: number }>

  constructor(bus: Bus, contract: Contract, target: BackfillTarget) {
    this.#target = target
    this.#bus = bus
    this.#live = new Pipeline(contract)
    this.#offers = new JobOffers(bus, BACKFILLS)
  }

  /**
   * Begins a backfill, or joins the one under way, whatever its range; partitions it has not reached are begun with its
   * range.
   *
   * @param request absent: only joins.
   * @throws BackfillRefused when the logs do not go back that far, or there is none to join; BusUnavailable.
   */
  async start(request: BackfillRequest | undefined): Promise<StartedBackfill> {
    const states = await Promise.all(this.#all((partition) => this.#look(partition)))
    const underWay = states.find(({ run, facts }) => run !== undefined && facts.record!.status === 'open')?.run
    const wanted = underWay?.request ?? request
    if (wanted === undefined)
      throw new BackfillRefused(`no backfill of ${this.#name} is under way; begin one with --from`)
    const id = underWay?.id ?? randomUUID()
    const begun = states.filter(({ run }) => run?.id === id).map(({ partition }) => partition)
    const plans = states
      .filter(({ partition }) => !begun.includes(partition))
      .map(({ partition, facts }) => ({
        partition,
        plan: planPartition(this.#target, this.#live, id, wanted, facts),
      }))
    if (begun.length === 0) refuseTrimmed(plans.map(({ plan }) => plan))
    for (const { partition, plan } of plans) if (plan.kind === 'run') await this.#open(partition, plan, states)
    const partitions = [...begun, ...plans.filter(({ plan }) => plan.kind === 'run').map(({ partition }) => partition)]
    for (const partition of partitions) await this.#offers.offer({ window: this.#name, partition })
    const nothing = partitions.length > 0 ? undefined : this.#whyNothing(plans.map(({ plan }) => plan))
    return { request: wanted, isJoined: underWay !== undefined, partitions, nothing }
  }

  /** Progress of the last backfill in partitions that `start` returned. @throws BusUnavailable */
  async status(partitions: readonly number[]): Promise<BackfillStatus> {
    const records = await Promise.all(partitions.map((partition) => this.#store(partition).ledger.record()))
    const all = records.map((record) => {
      if (record === undefined)
        return { status: 'failed', reason: 'Redis has lost it', fraction: 1, events: 0, panes: 0 }
      const { status, reason, run, offsets, clocks } = record
      const progress = progressOf(JSON.parse(run) as BackfillRun, decodeOffsets(offsets), decodeTotals(clocks))
      return { ...progress, status, reason, fraction: status === 'open' ? progress.fraction : 1 }
    })
    const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0)
    return {
      partitions: partitions.length,
      done: all.filter(({ status }) => status !== 'open').length,
      failures: [...new Set(all.filter(({ status }) => status === 'failed').map(({ reason }) => reason))],
      fraction: sum(({ fraction }) => fraction) / Math.max(1, all.length),
      events: sum(({ events }) => events),
      panes: sum(({ panes }) => panes),
      openForMs: extentMs(this.#target.window.spec) + this.#target.window.spec.allowedLatenessMs,
    }
  }

  async close(): Promise<void> {
    await this.#offers.close()
  }

  get #name(): string {
    return this.#target.window.name
  }

  #all<T>(of: (partition: number) => T): T[] {
    return Array.from({ length: this.#bus.partitions }, (_, partition) => of(partition))
  }

  #store(partition: number): BackfillStore {
    return new BackfillStore(partition, this.#name, this.#bus, 'query')
  }

  async #look(partition: number): Promise<PartitionState> {
    const store = this.#store(partition)
    const inputs = this.#target.pipeline.inputs.map(({ name }) => name)
    const log = await store.log.version()
    const [live, record, heads, firsts] = await Promise.all([
      store.live(),
      store.ledger.record(),
      store.log.heads(inputs),
      Promise.all(inputs.map((topic) => store.log.range(topic, '-', '+', 1))),
    ])
    const logs = inputs.map((topic, i) => {
      const { trimmedTo, lastId } = heads.topics.get(topic)!
      return [topic, { trimmedTo, lastId, firstId: firsts[i]![0]?.streamId ?? LOG_START }] as const
    })
    const isSame = record !== undefined && record.version === this.#target.version
    const run = isSame ? (JSON.parse(record.run) as BackfillRun) : undefined
    return { partition, log, facts: { ...live, record, logs: new Map(logs) }, run }
  }

  async #open(
    partition: number,
    plan: PartitionPlan & { kind: 'run' },
    states: readonly PartitionState[],
  ): Promise<void> {
    const { log, facts } = states[partition]!
    const { record } = facts
    const leftovers = record === undefined ? [] : (JSON.parse(record.run) as BackfillRun).state
    const [run, offsets] = [JSON.stringify(plan.run), encodeOffsets(plan.offsets)]
    const { version } = this.#target
    const outcome = await this.#store(partition).ledger.open({ log, version, run, offsets, leftovers })
    if (outcome === 'under_way') {
      throw new BackfillRefused(`somebody else began a backfill of ${this.#name} at the same time`)
    }
    if (outcome === 'lineage') {
      throw new BackfillRefused(`Redis was restarted while the backfill of ${this.#name} was planned: say it again`)
    }
  }

  #whyNothing(plans: readonly PartitionPlan[]): string {
    const reasons = new Set(plans.map((plan) => (plan.kind === 'nothing' ? plan.why : plan.kind)))
    if (reasons.has('filled')) return `${this.#name} has been filled in that range already`
    if (reasons.has('gone')) return `retention has removed from the logs what was before ${this.#name} began`
    if (reasons.has('outside')) return `${this.#name} itself has everything in that range: it begins before`
    return `${this.#name} has read its inputs from their beginning: there is nothing to fill`
  }
}

function refuseTrimmed(plans: readonly PartitionPlan[]): void {
  const trimmed = plans.filter((plan) => plan.kind === 'trimmed').map(({ availableFrom }) => availableFrom)
  if (trimmed.length === 0) return
  const from = new Date(Math.max(...trimmed)).toISOString()
  throw new BackfillRefused(
    `the logs do not go back that far: retention has removed what was before. Windows from ${from} on can be filled: ` +
      `--from ${from}, or --from earliest.`,
  )
}
