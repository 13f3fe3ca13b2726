import {
  type ClientFrame,
  didYouMean,
  type ErrorCode,
  isTopicSelector,
  type Lane,
  matchesTopic,
  type OnSlow,
  parsePosition,
  type ResumeFrom,
} from '@tidegate/protocol'
import { ALL_KEYS, hiddenOfTopic, type KeyScope, narrowed, type Rights, type Sight } from '../../access/index.ts'
import { isStreamId } from '../../bus/index.ts'
import { similarField } from '../../config/contract/data-fields.ts'
import { type Contract, hasLatest, hasPresence, type TopicDefinition } from '../../config/contract/model.ts'
import { type Filter, FilterError, noSuchField, openFilter } from '../../filter/index.ts'
import { otherUnit } from '../../time-unit.ts'
import type { SlowPolicy } from '../queue/index.ts'
import type { ByLane } from '../wire/index.ts'
import { planBytes, planStarts } from './plan-cost.ts'

export type SubscribeFrame = Extract<ClientFrame, { type: 'subscribe' }>

/** A subscribe request, resolved against the contract. */
export interface SubscriptionPlan {
  readonly sub: number
  readonly selector: string
  /** The topics its selector covers. */
  readonly topics: readonly string[]
  /** Only events with keys of this scope. */
  readonly scope: KeyScope
  /** Topics of which the caller may see less. */
  readonly narrower: ReadonlyMap<string, KeyScope> | undefined
  /** Topics of which fields are hidden from the caller. */
  readonly sights: ReadonlyMap<string, Sight> | undefined
  readonly lanes: ByLane<boolean>
  /** Only events it matches; `undefined`: all. */
  readonly filter: Filter | undefined
  /** How long normal and low events may wait to be batched, and how many at most; `undefined`: not at all. */
  readonly batch: { readonly maxMs: number; readonly maxEvents: number } | undefined
  /** The requested policy, as far as this node grants it. */
  readonly policy: SlowPolicy
  /** Whether it begins with the latest result of every key. */
  readonly snapshot: boolean
  /** JSON of what it says of its client to those who see who is there. */
  readonly state: string | undefined
  /** Memory it takes, approximately. */
  readonly bytes: number
  /** Work of opening it, in places where it starts. */
  readonly starts: number
}

/** Limits of what a node grants. */
export interface PolicyLimits {
  /** Policies that may be requested. The first is the default. */
  readonly onSlow: readonly OnSlow[]
  /** Cap on `maxRate`, also where none was requested; `undefined`: no cap. */
  readonly maxRate: number | undefined
}

export const UNLIMITED: PolicyLimits = {
  onSlow: ['drop-oldest', 'conflate', 'sample', 'disconnect'],
  maxRate: undefined,
}

/** The keys of which a subscription gets the events of one of its topics. */
export function scopeOf({ scope, narrower }: Pick<SubscriptionPlan, 'scope' | 'narrower'>, topic: string): KeyScope {
  return narrower?.get(topic) ?? scope
}

const EVERY_LANE: ByLane<boolean> = [true, true, true]

export type PlanResult =
  | { readonly ok: true; readonly plan: SubscriptionPlan; readonly from: ResumeFrom }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** Resolves a subscribe frame whose fields have the right types against the contract, as far as its sender may see that. */
export function planSubscription(
  frame: SubscribeFrame,
  contract: Contract,
  partitions: number,
  limits: PolicyLimits,
  rights: Rights,
): PlanResult {
  if (!isTopicSelector(frame.topic)) {
    return refuse('invalid_selector', `${frame.topic} is neither a topic name nor ends in .* or .>`)
  }
  // Sliced, because the array from `filter` has spare capacity, and plans live long.
  const topics = coveredTopics(frame.topic, contract)
    .filter((topic) => rights.covers('subscribe', topic))
    .slice()
  if (topics.length === 0) {
    const visible = [...contract.topics.keys()].filter((topic) => rights.covers('subscribe', topic))
    return refuse('unknown_topic', `no topic matches ${frame.topic}.${didYouMean(frame.topic, visible)}`)
  }
  if (frame.lanes?.length === 0) return refuse('invalid_frame', 'lanes must name at least one lane')
  const { from = 'now' } = frame
  const refusal =
    checkFrom(from, topics, contract, partitions) ?? (frame.snapshot && checkSnapshot(from, topics, contract))
  if (refusal) return refusal
  const state = frame.state === undefined ? undefined : JSON.stringify(frame.state)
  if (state !== undefined && !topics.some((topic) => hasPresence(contract, topic))) {
    return refuse('unsupported', 'the option state is served only for topics with presence')
  }
  const filter = readFilter(frame.where)
  if (filter instanceof FilterError) return refuse('invalid_filter', `where: ${filter.message}`)
  const scopes = scopesOf(topics, frame.keys && new Set(frame.keys), rights)
  const sights = sightsOf(topics, contract, rights)
  const unseen = filter && unseenField(filter, sights, scopes)
  if (unseen !== undefined) return refuse('invalid_filter', `where: ${noSuchField(unseen)}`)
  for (const path of filter?.fields ?? []) {
    const similar = similarField(contract, topics, path)
    // A similar name may be one that is hidden.
    if (similar !== undefined) return refuse('invalid_filter', `where: ${noSuchField(path)}${sights ? '' : similar}`)
  }
  return {
    ok: true,
    plan: {
      sub: frame.sub,
      selector: frame.topic,
      topics,
      ...scopes,
      sights,
      state,
      bytes: planBytes({ topics, filter, state, ...scopes }, partitions),
      starts: planStarts({ topics, filter, ...scopes }, partitions, from),
      lanes: frame.lanes === undefined ? EVERY_LANE : chosen(frame.lanes),
      filter,
      batch: frame.batch && { maxEvents: Number.POSITIVE_INFINITY, ...frame.batch },
      policy: grant(frame, limits),
      snapshot: frame.snapshot === true,
    },
    from: ofTopics(from, topics),
  }
}

/** Positions in other topics mean nothing, and would be kept until the subscription has begun. */
function ofTopics(from: ResumeFrom, topics: readonly string[]): ResumeFrom {
  if (typeof from === 'string' || 'time' in from) return from
  const { positions } = from
  const own = topics.filter((topic) => Object.hasOwn(positions, topic))
  return { ...from, positions: Object.fromEntries(own.map((topic) => [topic, positions[topic]!])) }
}

export function coveredTopics(selector: string, contract: Contract): string[] {
  return [...contract.topics.keys()].filter((topic) => matchesTopic(selector, topic))
}

function scopesOf(
  topics: readonly string[],
  asked: ReadonlySet<string> | undefined,
  rights: Rights,
): Pick<SubscriptionPlan, 'scope' | 'narrower'> {
  const narrower = new Map<string, KeyScope>()
  for (const topic of topics) {
    const allowed = rights.keys('subscribe', topic)
    if (allowed.kind !== 'all') narrower.set(topic, narrowed(allowed, asked))
  }
  return { scope: narrowed(ALL_KEYS, asked), narrower: narrower.size > 0 ? narrower : undefined }
}

function sightsOf(topics: readonly string[], contract: Contract, rights: Rights): SubscriptionPlan['sights'] {
  if (!rights.hides) return undefined
  const sights = new Map<string, Sight>()
  for (const topic of topics) {
    const sight = rights.sight('subscribe', topic, hiddenOfTopic(contract, topic))
    if (sight !== undefined) sights.set(topic, sight)
  }
  return sights.size > 0 ? sights : undefined
}

/** A field that the filter reads and that is hidden: what matches would tell it. */
function unseenField(
  filter: Filter,
  sights: SubscriptionPlan['sights'],
  scopes: Pick<SubscriptionPlan, 'scope' | 'narrower'>,
): readonly string[] | undefined {
  for (const [topic, sight] of sights ?? []) {
    const unseen = sight.unseen(filter.fields, scopeOf(scopes, topic))
    if (unseen !== undefined) return unseen
  }
  return undefined
}

function chosen(lanes: readonly Lane[]): ByLane<boolean> {
  return [lanes.includes('high'), lanes.includes('normal'), lanes.includes('low')]
}

function grant({ onSlow, maxRate }: SubscribeFrame, limits: PolicyLimits): SlowPolicy {
  const granted = limits.onSlow.find((policy) => policy === onSlow) ?? limits.onSlow[0]!
  const rates = [maxRate, limits.maxRate].filter((rate) => rate !== undefined)
  return { onSlow: granted, maxRate: rates.length === 0 ? undefined : Math.min(...rates) }
}

function readFilter(where: string | undefined): Filter | FilterError | undefined {
  try {
    return where === undefined ? undefined : openFilter(where)
  } catch (error) {
    if (error instanceof FilterError) return error
    throw error
  }
}

function checkFrom(
  from: ResumeFrom,
  topics: readonly string[],
  contract: Contract,
  partitions: number,
): PlanResult | undefined {
  if (from === 'latest') {
    const source = topics.find((topic) => !isResult(contract.topics.get(topic)!))
    return source === undefined
      ? undefined
      : refuse('unsupported', `the option from: latest is served only for results; ${source} is published by clients`)
  }
  if (typeof from !== 'object') return undefined
  if ('time' in from) {
    const unit = otherUnit(from.time)
    if (unit !== undefined)
      return refuse('invalid_frame', `from.time: ${from.time} looks like ${unit}; expected ms since 1970`)
    const isTime = Number.isSafeInteger(from.time) && from.time >= 0
    return isTime ? undefined : refuse('invalid_frame', 'from.time must be an integer of ms since 1970')
  }
  for (const lanes of Object.values(from.positions)) {
    if (Object.values(lanes).some(({ length }) => length > partitions)) {
      return refuse('invalid_frame', `from.positions: at most one position for each of ${partitions} partitions`)
    }
    for (const text of Object.values(lanes).flat()) {
      const position = parsePosition(text)
      if (position === undefined || !isStreamId(position.streamId)) {
        return refuse('invalid_position', `${text} is not a position`)
      }
      if (position.partition >= partitions) {
        return refuse('invalid_position', `${text} lies in a partition that does not exist`)
      }
    }
  }
  return undefined
}

function checkSnapshot(from: ResumeFrom, topics: readonly string[], contract: Contract): PlanResult | undefined {
  const other = topics.find((topic) => !hasLatest(contract.topics.get(topic)))
  if (other !== undefined)
    return refuse('unsupported', `the option snapshot is served only for windows and states of entities, not ${other}`)
  if (from === 'earliest' || (typeof from === 'object' && 'time' in from)) {
    return refuse('unsupported', 'the option snapshot starts now, or resumes from positions')
  }
  return undefined
}

function isResult(topic: TopicDefinition): boolean {
  return topic.kind !== 'source'
}

function refuse(code: ErrorCode, message: string): PlanResult {
  return { ok: false, code, message }
}
