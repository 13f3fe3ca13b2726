import { scopeText } from '../../access/index.ts'
import type { SubscriptionPlan } from '../subscription/index.ts'

/**
 * What sessions must have in common to get the same frames: their numbers of subscriptions, what these select and may
 * see, how they are written, and the window that bounds a frame. `undefined`: they cannot share any.
 */
export function cohortKey(plans: Iterable<SubscriptionPlan>, windowBytes: number): string | undefined {
  const texts: string[] = []
  for (const plan of plans) {
    // Each session is released by a clock of its own.
    if (plan.policy.maxRate !== undefined) return undefined
    texts.push(planText(plan))
  }
  return texts.length === 0 ? undefined : `${windowBytes} ${texts.sort().join(' ')}`
}

function planText({ sub, topics, scope, narrower, sights, lanes, filter, batch, policy }: SubscriptionPlan): string {
  const narrow = [...(narrower ?? [])].map(([topic, keys]) => [topic, scopeText(keys)])
  const hidden = [...(sights ?? [])].map(([topic, { text }]) => [topic, text])
  const company = batch === undefined ? [] : [batch.maxMs, batch.maxEvents]
  return JSON.stringify([sub, topics, scopeText(scope), narrow, hidden, lanes, filter?.text, company, policy.onSlow])
}
