import type { Lane } from '@tidegate/protocol'
import { createRandom } from '../support/random.ts'

/** How much of its file Redis loses: nothing, what came after a mark, the same as the time before, or so many bytes. */
export type Cut =
  | { readonly to: 'end' | 'mark' | 'same' }
  /** Anywhere in a command: only of a Redis that repairs its file. */
  | { readonly to: 'bytes'; readonly bytes: number }

/** Something that happens at some time of a run, ms from its start. */
export type Step = { readonly at: number } /** Notes how long Redis' file is. */ & (
  | { readonly do: 'mark' }
  | {
      readonly do: 'lose'
      readonly cut: Cut
      readonly downMs: number
      /** Gateways that end before Redis does and start after it. */
      readonly gateways: readonly (0 | 1)[]
      /** It is lost once more so long after Redis is back. */
      readonly again: { readonly afterMs: number; readonly cut: Cut } | undefined
    }
  | { readonly do: 'restart'; readonly gateway: 0 | 1 }
  /** A subscriber leaves and resumes. */
  | { readonly do: 'leave'; readonly subscriber: number; readonly absentMs: number; readonly elsewhere: boolean }
)

export interface SubscriberPlan {
  readonly gateway: 0 | 1
  readonly topic: 'note' | 'copy'
  readonly from: 'now' | 'earliest'
  /** Absent: all. */
  readonly lanes: readonly Lane[] | undefined
}

export interface Schedule {
  readonly seed: number
  /** The private Redis of `tidegate start`, which repairs its file. */
  readonly isOwn: boolean
  readonly lengthMs: number
  readonly subscribers: readonly SubscriberPlan[]
  readonly steps: readonly Step[]
}

const FIRST_LOSS_MS = 1_200
const BETWEEN_LOSSES_MS = [900, 2_200] as const
/** Less than clients keep what was acknowledged. */
const MARK_BEFORE_MS = [30, 1_100] as const
const CUT_BYTES = [20, 60_000] as const
const AFTER_LAST_LOSS_MS = 900

/** The schedule of a seed. The same seed gives the same schedule. @param most losses at most */
export function createSchedule(seed: number, most = 3): Schedule {
  const random = createRandom(seed)
  const chance = (share: number) => random() < share
  const between = (from: number, to: number) => Math.floor(from + random() * (to - from + 1))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const gateway = () => (chance(0.5) ? 0 : 1)
  const isOwn = chance(0.5)
  const cut = (isFirst: boolean): Cut => {
    const which = random()
    if (which < 0.1) return { to: 'end' }
    if (which < 0.35 && !isFirst) return { to: 'same' }
    if (which < 0.6 && isOwn) return { to: 'bytes', bytes: between(...CUT_BYTES) }
    return { to: 'mark' }
  }
  const steps: Step[] = []
  let at = FIRST_LOSS_MS
  for (let left = between(1, most), isFirst = true; left > 0; left--, isFirst = false) {
    at += between(0, 400)
    steps.push({ at: at - between(...MARK_BEFORE_MS), do: 'mark' })
    steps.push({
      at,
      do: 'lose',
      cut: cut(isFirst),
      downMs: between(0, 500),
      gateways: chance(0.7) ? [] : chance(0.8) ? [gateway()] : [0, 1],
      again: chance(0.45) ? { afterMs: pick([0, 30, 100, 300, 700]), cut: cut(false) } : undefined,
    })
    at += between(...BETWEEN_LOSSES_MS)
  }
  const lengthMs = at + AFTER_LAST_LOSS_MS
  const subscribers = Array.from({ length: between(5, 9) }, (): SubscriberPlan => {
    return {
      gateway: gateway(),
      topic: chance(0.7) ? 'note' : 'copy',
      from: chance(0.7) ? 'now' : 'earliest',
      lanes: chance(0.2) ? pick<readonly Lane[]>([['normal'], ['high', 'normal']]) : undefined,
    }
  })
  // Those of the latest events follow the others, one for each topic.
  for (let subscriber = 0; subscriber < subscribers.length + 3; subscriber++) {
    for (let times = between(0, 4); times > 0; times--) {
      const [absentMs, elsewhere] = [between(0, 1_500), chance(0.6)]
      steps.push({ at: between(700, lengthMs), do: 'leave', subscriber, absentMs, elsewhere })
    }
  }
  if (chance(0.3)) steps.push({ at: between(900, lengthMs), do: 'restart', gateway: gateway() })
  return { seed, isOwn, lengthMs, subscribers, steps: steps.sort((a, b) => a.at - b.at) }
}

/** In words. */
export function describe({ isOwn, steps }: Schedule): string {
  const cutOf = (cut: Cut) => (cut.to === 'bytes' ? `${cut.bytes} bytes` : cut.to)
  const losses = steps.flatMap((step) => {
    if (step.do !== 'lose') return []
    const gateways = step.gateways.length > 0 ? ` with gateway ${step.gateways.join(' and ')}` : ''
    return [
      cutOf(step.cut) + (step.again ? ` and ${cutOf(step.again.cut)} after ${step.again.afterMs} ms` : '') + gateways,
    ]
  })
  return `${isOwn ? 'private' : 'other'} Redis: ${losses.join('; ')}`
}
