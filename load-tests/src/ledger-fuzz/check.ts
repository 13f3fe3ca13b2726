import { LANES, type Lane, type PositionVector, parsePosition } from '@tidegate/protocol'
import { type Account, noCounts, type ReceivedEvent, type ReceivedGap, sumOf } from './account.ts'
import { isBeyond, type LoggedEvent, matches } from './log.ts'
import type { Schedule } from './schedule.ts'

/** Compares what one subscription received with what it should have. @returns the differences, in words */
export function checkAccount(schedule: Schedule, account: Account, log: readonly LoggedEvent[]): string[] {
  return topicsOf(log, account).flatMap((topic) =>
    LANES.flatMap((lane) => {
      const matching = log.filter((event) => event.topic === topic && event.lane === lane && matches(schedule, event))
      const received = account.history.filter((one) => one.topic === topic && one.lane === lane)
      const faults = [
        ...checkOrder(received),
        ...checkEvents(matching, received),
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

function topicsOf(log: readonly LoggedEvent[], { history }: Account): string[] {
  return [...new Set([...log, ...history].map(({ topic }) => topic))]
}

function startOf(start: PositionVector | undefined, topic: string, lane: Lane, partition: number) {
  return (start?.[topic]?.[lane] ?? []).map((text) => parsePosition(text)!).find((at) => at.partition === partition)
}

/** Within a partition, each event and gap lies beyond everything received before. */
function checkOrder(received: readonly (ReceivedEvent | ReceivedGap)[]): string[] {
  const last = new Map<number, ReceivedEvent['at']>()
  const faults: string[] = []
  for (const one of received) {
    const at = one.kind === 'event' ? one.at : one.upTo
    const before = last.get(at.partition)
    if (before !== undefined && !isBeyond(at, before)) faults.push(`${one.kind} ${text(at)} after ${text(before)}`)
    if (one.kind === 'gap' && before !== undefined && one.after !== undefined && isBeyond(before, one.after)) {
      faults.push(`a gap from ${text(one.after)} after ${text(before)} was received`)
    }
    last.set(at.partition, at)
  }
  return faults
}

/** Every delivered event was published, and every gap is large enough for its count. */
function checkEvents(matching: readonly LoggedEvent[], received: readonly (ReceivedEvent | ReceivedGap)[]): string[] {
  const known = new Map(matching.map((event) => [text(event.at), event]))
  return received.flatMap((one) => {
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
  return sumOf(counts) === expected ? [] : [`${expected} matched, ${JSON.stringify(counts)} received`]
}

const text = ({ partition, streamId, index }: ReceivedEvent['at']) => `${partition}/${streamId}.${index}`
