import { compareStreamIds, type ResumeFrom } from '@tidegate/protocol'
import { hiddenOfTopic, isSameScope, type Rights } from '../../access/index.ts'
import { BusUnavailable, type KnownEntry, type LogHead, type LogHeads, missingPartition } from '../../bus/index.ts'
import type { Contract } from '../../config/contract/model.ts'
import type { PacedWork, Worker } from '../../limits/index.ts'
import type { Examine, LogStart, SharedHeads, Tails, TopicTail } from '../log/index.ts'
import { doubtful, isComplete, type ReplayFrom, replayFrom, replayStart } from './start-marks.ts'
import {
  coveredTopics,
  type PlanResult,
  type PolicyLimits,
  planSubscription,
  type SubscribeFrame,
  type SubscriptionPlan,
} from './subscription-plan.ts'

export type Starts =
  | {
      readonly ok: true
      /** Per topic, one start per partition. */
      readonly starts: ReadonlyMap<string, readonly LogStart[]>
      /** Whether everything after the starts is still in the log. */
      readonly recovered: boolean
      /** Whether the latest result of every key is sent first. */
      readonly snapshot: boolean
    }
  | { readonly ok: false; readonly reason: 'unavailable'; readonly message: string }
  | { readonly ok: false; readonly reason: 'defect'; readonly error: unknown }

/** The reason is in the server's log: it names addresses. */
const UNAVAILABLE: Starts = {
  ok: false,
  reason: 'unavailable',
  message: 'Redis does not answer in time. Subscribe again.',
}

/** Turns `from` into positions behind which the tails read everything. */
export class SubscriptionStarter {
  readonly #contract: Contract
  readonly #limits: PolicyLimits
  readonly #tails: Tails
  readonly #heads: SharedHeads
  readonly #examine: Examine
  readonly #work: Pick<PacedWork, 'run'>

  /** @param work does what begins together in turns */
  constructor(
    contract: Contract,
    limits: PolicyLimits,
    tails: Tails,
    heads: SharedHeads,
    examine: Examine,
    work: Pick<PacedWork, 'run'>,
  ) {
    this.#contract = contract
    this.#limits = limits
    this.#tails = tails
    this.#heads = heads
    this.#examine = examine
    this.#work = work
  }

  plan(frame: SubscribeFrame, rights: Rights): PlanResult {
    return planSubscription(frame, this.#contract, this.#tails.count, this.#limits, rights)
  }

  /** Whether somebody sees the same of what a selector covers under other rights. */
  staysSame(selector: string, before: Rights, after: Rights): boolean {
    return coveredTopics(selector, this.#contract).every((topic) => {
      const hiddenOf = hiddenOfTopic(this.#contract, topic)
      const [sight, nextSight] = [before, after].map((rights) => rights.sight('subscribe', topic, hiddenOf)?.text)
      return isSameScope(before.keys('subscribe', topic), after.keys('subscribe', topic)) && sight === nextSight
    })
  }

  /** Calls `begin` once: in the same turn if Redis need not be asked. The plan's topics are held until `release`. */
  start(plan: SubscriptionPlan, from: ResumeFrom, worker: Worker, begin: (starts: Starts) => void): void {
    this.#tails.hold(plan.topics)
    const fromNow = from === 'now' || from === 'latest'
    if (fromNow && this.#tails.areOpen(plan.topics)) {
      begin(this.#startsNow(plan))
      return
    }
    const opened = async () => {
      const asked = await this.#tails.open(plan.topics)
      if (fromNow) return () => this.#startsNow(plan, true, asked)
      const starts = await this.#replayStarts(plan.topics, replayFrom(from, plan.topics, this.#tails.ancestors))
      return () => this.#orSnapshot(plan, starts)
    }
    // One answer of Redis may let many begin.
    const beginInTurn = (starts: () => Starts) => this.#work.run(worker, () => begin(starts()))
    opened().then(beginInTurn, (error: unknown) =>
      beginInTurn(() => (error instanceof BusUnavailable ? UNAVAILABLE : { ok: false, reason: 'defect', error })),
    )
  }

  release(plan: SubscriptionPlan): void {
    this.#tails.release(plan.topics)
  }

  /** @param asked by partition, where the logs were when the client asked: what it has published since lies behind */
  #startsNow(
    { topics, snapshot }: SubscriptionPlan,
    recovered = true,
    asked: readonly ReadonlyMap<string, LogStart>[] = [],
  ): Starts {
    const starts = new Map<string, LogStart[]>()
    for (const topic of topics) {
      const tails = Array.from({ length: this.#tails.count }, (_, partition) => this.#tails.get(topic, partition))
      // Released by an unsubscribe while they were being opened.
      if (tails.includes(undefined)) return UNAVAILABLE
      starts.set(
        topic,
        tails.map((tail, partition) => earlier(tail!, asked[partition]?.get(topic))),
      )
    }
    return { ok: true, starts, recovered, snapshot }
  }

  /** Where positions cannot be resumed, a snapshot makes up for the lost events. */
  #orSnapshot(plan: SubscriptionPlan, replay: Starts): Starts {
    return plan.snapshot && replay.ok && !replay.recovered ? this.#startsNow(plan, false) : replay
  }

  async #replayStarts(topics: readonly string[], from: ReplayFrom): Promise<Starts> {
    const starts = new Map<string, LogStart[]>(topics.map((topic) => [topic, []]))
    let recovered = true
    const partitions = Array.from({ length: this.#tails.count }, (_, partition) => partition)
    const proved = await Promise.all(partitions.map((partition) => this.#provedHeads(partition, topics, from)))
    proved.forEach(({ heads: { epoch, topics: byTopic }, missing }, partition) => {
      if (epoch === undefined) throw missingPartition(partition)
      for (const [topic, head] of byTopic) {
        const start = replayStart(from, topic, partition, epoch, head, missing)
        recovered &&= isComplete(start, head)
        starts.get(topic)!.push(start)
      }
    })
    return { ok: true, starts, recovered, snapshot: false }
  }

  /** The heads of the logs after a look-up of the positions, and the missing entries. */
  async #provedHeads(
    partition: number,
    topics: readonly string[],
    from: ReplayFrom,
  ): Promise<{ readonly heads: LogHeads; readonly missing: readonly KnownEntry[] }> {
    const inDoubtBy = (heads: LogHeads) => topics.flatMap((topic) => doubtful(from, topic, partition, heads))
    let heads = await this.#heads.read(partition, topics)
    if (inDoubtBy(heads).length === 0) return { heads, missing: [] }
    heads = this.#withTails(partition, heads)
    const inDoubt = inDoubtBy(heads)
    if (inDoubt.length === 0) return { heads, missing: [] }
    const missing = await this.#examine(partition, inDoubt)
    return { heads: this.#withTails(partition, await this.#heads.readNow(partition, topics)), missing }
  }

  /** Recent heads, advanced to what was read here since. */
  #withTails(partition: number, heads: LogHeads): LogHeads {
    const topics = new Map<string, LogHead>()
    for (const [topic, head] of heads.topics) {
      // If Redis has lost that entry, this process will notice by itself.
      const seen = this.#tails.get(topic, partition)?.newestSeen
      const isNewer = seen?.epoch === heads.epoch && compareStreamIds(seen!.streamId, head.lastId) > 0
      topics.set(topic, isNewer ? { ...head, lastId: seen!.streamId } : head)
    }
    return { ...heads, topics }
  }
}

/** Where the log was when it was asked for, unless Redis has lost that place since. */
function earlier({ start }: Pick<TopicTail, 'start'>, asked: LogStart | undefined): LogStart {
  if (asked === undefined || asked.epoch !== start.epoch) return start
  return compareStreamIds(asked.marks[0].streamId, start.marks[0].streamId) < 0 ? asked : start
}
