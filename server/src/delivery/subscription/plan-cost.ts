import type { ResumeFrom } from '@tidegate/protocol'
import type { KeyScope } from '../../access/index.ts'
import type { Filter } from '../../filter/index.ts'
import type { ClientLimits, Reader, Refusal, Worker } from '../../limits/index.ts'

/** What subscriptions may take. */
export type SubscriptionLimits = Pick<ClientLimits, 'hold' | 'release' | 'charge'> & Reader & Worker

/** What a plan costs depends on these. */
interface PlanParts {
  readonly topics: readonly string[]
  readonly scope: KeyScope
  readonly narrower: ReadonlyMap<string, KeyScope> | undefined
  readonly filter: Pick<Filter, 'terms' | 'text'> | undefined
  readonly state: string | undefined
}

interface CostedPlan extends Pick<PlanParts, 'filter'> {
  readonly bytes: number
}

/** The subscription with its plan and queue. */
const SUBSCRIPTION_BYTES = 1_024
/** A feed: one for each topic and partition. */
const FEED_BYTES = 256
/** A key in the set of its plan, beside its characters. */
const KEY_BYTES = 64
/** A key in the index of a topic, with the set of its subscriptions. */
const INDEXED_KEY_BYTES = 256
/** A condition of a filter, as it runs. */
const TERM_BYTES = 400

/** Keys of which reading, checking and indexing takes as long as to start in one place. */
const KEYS_PER_START = 16

/** Approximate memory of a subscription for as long as it is open. */
export function planBytes({ topics, scope, narrower, filter, state = '' }: PlanParts, partitions: number): number {
  const places = topics.length * partitions * FEED_BYTES
  const conditions = filter === undefined ? 0 : filter.terms * TERM_BYTES + 2 * filter.text.length
  let keys = textBytes(scope)
  for (const own of narrower?.values() ?? []) keys += textBytes(own)
  const indexed = indexedKeys({ topics, scope, narrower }) * INDEXED_KEY_BYTES
  return SUBSCRIPTION_BYTES + places + conditions + keys + indexed + 2 * state.length
}

/** Keys that the index gets: those of each topic. */
function indexedKeys({ topics, scope, narrower }: Omit<PlanParts, 'filter' | 'state'>): number {
  return topics.reduce((sum, topic) => sum + listed(narrower?.get(topic) ?? scope).size, 0)
}

/** Work of opening a subscription, in places where it starts. */
export function planStarts(
  { filter, ...where }: Omit<PlanParts, 'state'>,
  partitions: number,
  from: ResumeFrom,
): number {
  // The past is looked up in each log.
  const each = from === 'now' || from === 'latest' ? 1 : 2
  const places = where.topics.length * partitions * each
  return Math.ceil(places + indexedKeys(where) / KEYS_PER_START + (filter?.terms ?? 0))
}

/** Counts a plan, all of it or nothing. */
export function holdPlan(limits: SubscriptionLimits, plan: CostedPlan): Refusal | undefined {
  const amounts = amountsOf(plan)
  for (const [index, [quantity, amount]] of amounts.entries()) {
    const refusal = limits.hold(quantity, amount)
    if (refusal === undefined) continue
    for (const [held, count] of amounts.slice(0, index)) limits.release(held, count)
    return refusal
  }
  return undefined
}

/** The least that conditions take. */
const LEAST_FILTER = { terms: 1, text: '' } as const

/** Why there is no room for a subscription, whatever it asks for: to plan one costs many times as much as to refuse it. */
export function whyFull(limits: SubscriptionLimits, { where }: { readonly where?: string }): Refusal | undefined {
  const least = { bytes: SUBSCRIPTION_BYTES, filter: where === undefined ? undefined : LEAST_FILTER }
  const refusal = holdPlan(limits, least)
  if (refusal === undefined) releasePlan(limits, least)
  return refusal
}

export function releasePlan(limits: SubscriptionLimits, plan: CostedPlan): void {
  for (const [quantity, amount] of amountsOf(plan)) limits.release(quantity, amount)
}

function amountsOf({ bytes, filter }: CostedPlan) {
  const held = [
    ['subscriptions', 1],
    ['subscriptionBytes', bytes],
  ] as const
  return filter === undefined ? held : [...held, ['filterTerms', filter.terms] as const]
}

function textBytes(scope: KeyScope): number {
  let bytes = 0
  // V8 keeps a character in one byte or in two: in two at most.
  for (const key of listed(scope)) bytes += KEY_BYTES + 2 * key.length
  return bytes
}

function listed(scope: KeyScope): ReadonlySet<string> {
  return scope.kind === 'listed' ? scope.keys : NO_KEYS
}

const NO_KEYS: ReadonlySet<string> = new Set()
