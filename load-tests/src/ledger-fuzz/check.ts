import { LANES, type Lane, type PositionVector, parsePosition } from '@tidegate/protocol'
import { type Account, noCounts, sumOf, type ToldEvent, type ToldGap } from './account.ts'
import { isBeyond, type LoggedEvent, matches } from './log.ts'
import type { Schedule } from './schedule.ts'

/** What one subscription should have been told, and was. @returns what does not fit, in words */
export function checkAccount(schedule: Schedule, account: Account, log: readonly LoggedEvent[]): string[] {
  return topicsOf(log, account).flatMap((topic) =>
    LANES.flatMap((lane) => {
      const matching = log.filter((event) => event.topic === topic && event.lane === lane && matches(schedule, event))
      const told = account.told.filter((one) => one.topic === topic && one.lane === lane)
      const faults = [
        ...checkOrder(told),
        ...checkEvents(matching, told),
        ...checkPolicy(account, topic, lane),
        ...(account.left ? [] : checkConservation(account, topic, lane, matching)),
      ]
      return faults.map((fault) => `${topic} ${lane}: ${fault}`)
    }),
  )
}

/** Events of the log that the subscription matched from its start on. */
export function matchedBy({ start }: Pick<Account, 'start'>, matching: readonly LoggedEvent[]): LoggedEvent[] {
  return matching.filter((event) => {
    const from = startOf(start, event.topic, event.lane, event.at.partition)
    return from !== undefined && isBeyond(event.at, from)
  })
}

function topicsOf(log: readonly LoggedEvent[], { told }: Account): string[] {
  return [...new Set([...log, ...told].map(({ topic }) => topic))]
}

function startOf(start: PositionVector | undefined, topic: string, lane: Lane, partition: number) {
  return (start?.[topic]?.[lane] ?? []).map((text) => parsePosition(text)!).find((at) => at.partition === partition)
}

/** Within a partition, each event and gap lies beyond everything told before. */
function checkOrder(told: readonly (ToldEvent | ToldGap)[]): string[] {
  const last = new Map<number, ToldEvent['at']>()
  const faults: string[] = []
  for (const one of told) {
    const at = one.kind === 'event' ? one.at : one.upTo
    const before = last.get(at.partition)
    if (before !== undefined && !isBeyond(at, before)) faults.push(`${one.kind} ${text(at)} after ${text(before)}`)
    if (one.kind === 'gap' && before !== undefined && one.after !== undefined && isBeyond(before, one.after)) {
      faults.push(`a gap from ${text(one.after)} after ${text(before)} was told`)
    }
    last.set(at.partition, at)
  }
  return faults
}

/** What was delivered is what was published, and every gap is large enough for what it counts. */
function checkEvents(matching: readonly LoggedEvent[], told: readonly (ToldEvent | ToldGap)[]): string[] {
  const known = new Map(matching.map((event) => [text(event.at), event]))
  return told.flatMap((one) => {
    if (one.kind === 'event') {
      const event = known.get(text(one.at))
      return event?.key === one.key ? [] : [`delivered ${text(one.at)} of ${one.key}, which it does not match`]
    }
    if (one.count === null || one.reason !== 'overflow') return [`a gap ${one.reason} of ${one.count}`]
    const inside = matching.filter(
      ({ at }) =>
        at.partition === one.upTo.partition &&
        !isBeyond(at, one.upTo) &&
        (one.after === undefined || isBeyond(at, one.after)),
    ).length
    return inside >= one.count ? [] : [`a gap of ${one.count} where only ${inside} events lie`]
  })
}

/** Nothing is withheld that the policies asked for do not allow. */
function checkPolicy({ policies, counts }: Account, topic: string, lane: Lane): string[] {
  const { conflated, sampled, gapped } = counts.get(`${topic} ${lane}`) ?? noCounts()
  const mayConflate = policies.some(({ onSlow, maxRate }) => onSlow === 'conflate' || maxRate !== undefined)
  const maySample = policies.some(({ onSlow }) => onSlow === 'sample')
  return [
    ...(lane === 'high' && conflated + sampled + gapped > 0 ? ['high events were withheld'] : []),
    ...(conflated > 0 && !mayConflate ? [`${conflated} conflated`] : []),
    ...(sampled > 0 && !maySample ? [`${sampled} sampled`] : []),
    ...(gapped > 0 && policies.every(({ onSlow }) => onSlow === 'disconnect') ? [`${gapped} in gaps`] : []),
  ]
}

function checkConservation(account: Account, topic: string, lane: Lane, matching: readonly LoggedEvent[]): string[] {
  const expected = matchedBy(account, matching).length
  const counts = account.counts.get(`${topic} ${lane}`) ?? noCounts()
  return sumOf(counts) === expected ? [] : [`${expected} matched, ${JSON.stringify(counts)} told`]
}

const text = ({ partition, streamId, index }: ToldEvent['at']) => `${partition}/${streamId}.${index}`
