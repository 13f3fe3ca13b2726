import { assertNever } from '../../assert-never.ts'
import type { Clock } from '../../clock.ts'
import type { TopicTail } from '../log/index.ts'
import type { NodeTotals, QueueBounds, QueueBudget } from '../queue/index.ts'
import type { Receiver, TopicIndex } from '../subscription/index.ts'
import { type DeliveryObserver, type Entry, type Flusher, LANE_INDEXES } from '../wire/index.ts'
import { Cohort, type CohortEvents, type CohortMember, FREE, NEVER } from './cohort.ts'
import { cohortKey } from './cohort-key.ts'
import { maySharePast } from './may-share.ts'

/** How long a session stays by itself after it left: one that cannot keep up would leave again at once. */
const APART_MS = 1_000
/** Share of a session's bounds that may wait in its cohort: less than it may queue by itself, so leaving loses nothing. */
const WAITING_SHARE = 0.5

export interface CohortContext {
  readonly index: Pick<TopicIndex<Receiver>, 'add' | 'remove'>
  readonly flusher: Pick<Flusher, 'schedule'>
  readonly clock: Clock
  readonly observer: DeliveryObserver
  readonly budget: QueueBudget
  /** Bounds of what waits for one session. */
  readonly queueBounds: QueueBounds
  tailOf(topic: string, partition: number): TopicTail | undefined
  /** Of all that was written, and waits outside of cohorts. */
  readonly totals: NodeTotals
  /** Makes room in the queues of sessions. */
  relieve(): void
}

/** The cohorts of a node: finds sessions that have the same, and takes them apart when they no longer do. */
export class Cohorts implements CohortEvents {
  readonly #context: CohortContext
  readonly #bounds: QueueBounds
  /** Of sessions that have the same, their cohort, or the only one. */
  readonly #byKey = new Map<string, CohortMember | Cohort>()
  readonly #cohorts = new Set<Cohort>()
  readonly #candidates = new Set<CohortMember>()
  /** By topic and partition, the epoch of the newest entry. */
  readonly #epochs = new Map<string, string[]>()
  readonly #overfull = new Set<Cohort>()
  #isOverBudget = false
  /** While an entry is offered, or a frame is written: half of the sessions have it. */
  #isBusy = false

  constructor(context: CohortContext) {
    this.#context = context
    const { bytes, events } = context.queueBounds
    this.#bounds = { bytes: bytes * WAITING_SHARE, events: events * WAITING_SHARE }
  }

  /** A session has nothing waiting, and may share what comes. To be called whenever that may have become so. */
  seek(member: CohortMember): void {
    const { standing } = member
    if (standing.kind === 'apart' && standing.untilMs <= this.#context.clock.monotonic()) this.#candidates.add(member)
  }

  /** A session has, or will have, something of its own. Its part of what waits in the cohort waits in its own queues then. */
  leave(member: CohortMember): void {
    const { standing } = member
    this.#candidates.delete(member)
    switch (standing.kind) {
      case 'apart':
        member.standing = FREE
        return
      case 'alone':
        this.#byKey.delete(standing.key)
        member.standing = FREE
        return
      case 'member':
        return this.#release(member, standing.cohort)
      default:
        assertNever(standing)
    }
  }

  /** A session ends. */
  forget(member: CohortMember): void {
    const { standing } = member
    this.#candidates.delete(member)
    if (standing.kind === 'alone') this.#byKey.delete(standing.key)
    if (standing.kind === 'member') {
      standing.cohort.drop(member)
      this.#retire(standing.cohort)
    }
    member.standing = NEVER
  }

  /** Offers an entry to the index. @param isCatchingUp whether it may belong to the backlog of an outage */
  route(entry: Entry, isCatchingUp: boolean, offer: () => void): void {
    if (isCatchingUp) this.dissolveAll()
    else {
      this.#checkEpoch(entry)
      for (const candidate of this.#candidates) this.#examine(candidate, entry)
    }
    this.undisturbed(offer)
  }

  /** Each session of its own: what waits in cohorts waits in their queues. */
  dissolveAll(): void {
    for (const cohort of this.#cohorts) this.#dissolve(cohort)
  }

  /** The queues of the node exceed their budget. */
  onBudgetExceeded(): void {
    this.#isOverBudget = true
    if (!this.#isBusy) this.#settle()
  }

  /** Adds what waits in cohorts, as many times as it will be sent. */
  totals(): NodeTotals {
    const [high, normal, low] = this.#context.totals
    const all: NodeTotals = [{ ...high }, { ...normal }, { ...low }]
    for (const { waiting, size } of this.#cohorts) {
      for (const lane of LANE_INDEXES) {
        all[lane].queued += waiting[lane].queued * size
        all[lane].queuedBytes += waiting[lane].queuedBytes * size
      }
    }
    return all
  }

  queued(cohort: Cohort, withinMs: number): void {
    this.#context.flusher.schedule(cohort, withinMs)
    if (this.#context.budget.isExceeded) this.onBudgetExceeded()
  }

  outpaced(member: CohortMember): void {
    this.leave(member)
    member.flush()
  }

  overfull(cohort: Cohort): void {
    this.#overfull.add(cohort)
  }

  flushed({ joining }: Cohort): void {
    for (const member of joining) {
      joining.delete(member)
      // Written now as those it joins are: with `batch` it might never have nothing waiting when they do.
      if (member.flush()) this.#context.flusher.schedule(member)
      this.seek(member)
    }
  }

  /** Does something in the midst of which no cohort may be taken apart. Afterwards it is, if it has to. */
  undisturbed(action: () => void): void {
    this.#isBusy = true
    try {
      action()
    } finally {
      this.#isBusy = false
    }
    this.#settle()
  }

  #settle(): void {
    for (const cohort of this.#overfull) this.#dissolve(cohort)
    this.#overfull.clear()
    if (!this.#isOverBudget) return
    this.#isOverBudget = false
    for (const cohort of this.#cohorts) if (!cohort.isQuiet) this.#dissolve(cohort)
    if (this.#context.budget.isExceeded) this.#context.relieve()
  }

  #examine(candidate: CohortMember, next: Entry): void {
    this.#candidates.delete(candidate)
    // It comes again when everything is written.
    if (!candidate.isQuiet) return
    const plans = [...candidate.subscriptions.values()].map(({ plan }) => plan)
    const key = cohortKey(plans, candidate.windowBytes)
    if (key === undefined) {
      candidate.standing = NEVER
      return
    }
    if (!this.#mayShare(candidate, next)) return this.#keepApart(candidate)
    const like = this.#byKey.get(key)
    if (like instanceof Cohort) {
      if (like.isQuiet) this.#join(candidate, like)
      else like.joining.add(candidate)
      return
    }
    if (like !== undefined && this.#mayShare(like, next)) {
      const cohort = this.#open(key, like)
      this.#join(like, cohort)
      return this.#join(candidate, cohort)
    }
    if (like !== undefined) this.#keepApart(like)
    this.#byKey.set(key, candidate)
    candidate.standing = { kind: 'alone', key }
  }

  #mayShare({ isQuiet, subscriptions }: CohortMember, next: Entry): boolean {
    return isQuiet && maySharePast(subscriptions.values(), next, this.#context.tailOf)
  }

  #keepApart(member: CohortMember): void {
    member.standing = { kind: 'apart', untilMs: this.#context.clock.monotonic() + APART_MS }
  }

  #open(key: string, like: CohortMember): Cohort {
    const { index, budget, totals, clock, observer } = this.#context
    const cohort = new Cohort(key, like, { bounds: this.#bounds, budget, totals, clock, observer }, this)
    for (const shared of cohort.subscriptions.values()) index.add(shared)
    this.#byKey.set(key, cohort)
    this.#cohorts.add(cohort)
    return cohort
  }

  #join(member: CohortMember, cohort: Cohort): void {
    for (const subscription of member.subscriptions.values()) this.#context.index.remove(subscription)
    cohort.join(member)
    member.standing = cohort.standing
  }

  #release(member: CohortMember, cohort: Cohort): void {
    const waited = !cohort.isQuiet
    cohort.handOver(member)
    cohort.drop(member)
    this.#keepApart(member)
    for (const subscription of member.subscriptions.values()) this.#context.index.add(subscription)
    this.#retire(cohort)
    if (waited) member.tookOver()
  }

  #dissolve(cohort: Cohort): void {
    for (const member of cohort.members()) this.#release(member, cohort)
  }

  #retire(cohort: Cohort): void {
    if (cohort.size > 0 || !this.#cohorts.delete(cohort)) return
    for (const shared of cohort.subscriptions.values()) this.#context.index.remove(shared)
    this.#byKey.delete(cohort.key)
    cohort.clear()
  }

  /** A log that continues under another epoch is reported to each session before its first entry. */
  #checkEpoch(entry: Entry): void {
    const { topic, partition, epoch } = entry
    let epochs = this.#epochs.get(topic)
    if (epochs === undefined) {
      epochs = []
      this.#epochs.set(topic, epochs)
    }
    if (epochs[partition] === epoch) return
    epochs[partition] = epoch
    for (const cohort of this.#cohorts) if (!cohort.continuesUnder(entry)) this.#dissolve(cohort)
  }
}
