import type { Gap } from '@tidegate/client/node'
import { comparePositions, type Position, parsePosition } from '@tidegate/protocol'
import type { StoredEvent } from '../support/stored-events.ts'
import type { PublishedEvent } from './steady-load.ts'
import type { Received, WatchedTopic, Watcher } from './watcher.ts'

/**
 * What became of each acknowledged event: the worst of what it met at any subscriber of either topic. `delivered`,
 * `conflated` (sampled too), `gapped`, `lost` and `lostWithinGuarantee` add up to the acknowledged ones.
 */
export interface Fates {
  readonly acked: number
  readonly delivered: number
  readonly conflated: number
  readonly gapped: number
  /** The gapped ones by the reason of their gap. */
  readonly gaps: Partial<Readonly<Record<Gap['reason'], number>>>
  readonly lost: number
  /** Lost by Redis, reported to every subscriber, and nobody was left to resend it. */
  readonly lostWithinGuarantee: number
  /** Stored twice, or delivered twice without a gap `epoch` between. */
  readonly duplicated: number
  /** Delivered again after a gap `epoch`. */
  readonly redelivered: number
  /** The first lost ones, in words. */
  readonly examples: readonly string[]
}

export interface Evidence {
  readonly published: ReadonlyMap<string, PublishedEvent>
  readonly stored: ReadonlyMap<WatchedTopic, readonly StoredEvent[]>
  readonly watchers: readonly Watcher[]
  /**
   * Acknowledged before this moment, an event may be gone with what Redis lost; `undefined` where Redis must lose
   * nothing.
   */
  readonly mayBeGoneBefore: number | undefined
}

const SEVERITY = ['delivered', 'conflated', 'gapped', 'lostWithinGuarantee', 'lost'] as const
type Fate = (typeof SEVERITY)[number]
const MAX_EXAMPLES = 5

export function judge({ published, stored, watchers, mayBeGoneBefore }: Evidence): Fates {
  const log = new Map([...stored].map(([topic, events]) => [topic, indexById(events)]))
  const counts = { delivered: 0, conflated: 0, gapped: 0, lost: 0, lostWithinGuarantee: 0 }
  const gaps: Partial<Record<Gap['reason'], number>> = {}
  const examples: string[] = []
  const tell = (text: string) => examples.length < MAX_EXAMPLES && examples.push(text)
  const readers = watchers.flatMap((watcher) =>
    [...watcher.received].map(([topic, received]) => ({
      topic,
      name: `${watcher.name} of ${topic}`,
      received,
      withheld: withheldBy(received),
    })),
  )
  let acked = 0
  for (const [id, event] of published) {
    if (event.ack === undefined) continue
    acked++
    const reasons: Gap['reason'][] = []
    const fates = readers.map(({ topic, name, received, withheld }): Fate => {
      const places = log.get('chaos.reading')!.get(id)
      if (places === undefined) {
        const isReported = received.gaps.some((gap) => isNewEpoch(gap, event))
        const isGone = mayBeGoneBefore !== undefined && (event.isOrphan || event.ack!.at < mayBeGoneBefore)
        if (isReported && isGone) return 'lostWithinGuarantee'
        tell(`${id}: not in the log, ${isReported ? 'and could have been sent again' : `and ${name} was not informed`}`)
        return 'lost'
      }
      if (received.events.has(id)) return 'delivered'
      const derived = log.get(topic)!.get(id)
      if (derived === undefined) {
        tell(`${id}: no worker made ${topic} of it`)
        return 'lost'
      }
      const gap = received.gaps.find((each) => derived.some(({ at, lane }) => each.lane === lane && covers(each, at)))
      if (gap !== undefined) {
        reasons.push(gap.reason)
        return 'gapped'
      }
      if (withheld.left > 0) {
        withheld.left--
        return 'conflated'
      }
      tell(`${id}: never came to ${name}, nor did a gap`)
      return 'lost'
    })
    const fate = SEVERITY.findLast((each) => fates.includes(each)) ?? 'delivered'
    counts[fate]++
    const [reason] = reasons
    if (fate === 'gapped' && reason !== undefined) gaps[reason] = (gaps[reason] ?? 0) + 1
  }
  return { acked, ...counts, gaps, ...repeats([...log.values()], readers, tell), examples }
}

function indexById(events: readonly StoredEvent[]): Map<string, StoredEvent[]> {
  const byId = new Map<string, StoredEvent[]>()
  for (const event of events) {
    const known = byId.get(event.body.id)
    if (known === undefined) byId.set(event.body.id, [event])
    else known.push(event)
  }
  return byId
}

/** Events reported to the subscription as withheld in favour of others. */
function withheldBy({ subscription }: Received): { left: number } {
  return { left: subscription.conflated + subscription.sampled }
}

function repeats(
  logs: readonly ReadonlyMap<string, readonly StoredEvent[]>[],
  readers: readonly { readonly name: string; readonly received: Received }[],
  tell: (text: string) => void,
): Pick<Fates, 'duplicated' | 'redelivered'> {
  const twice = new Set<string>()
  const again = new Set<string>()
  for (const log of logs) {
    for (const [id, places] of log) {
      if (places.length === 1) continue
      twice.add(id)
      tell(`${id}: stored ${places.length} times`)
    }
  }
  for (const { name, received } of readers) {
    for (const [id, deliveries] of received.events) {
      if (deliveries.length === 1) continue
      if (new Set(deliveries.map(({ epochGaps }) => epochGaps)).size === deliveries.length) again.add(id)
      else {
        twice.add(id)
        tell(`${id}: came to ${name} as ${deliveries.map(({ at }) => at).join(' and ')}`)
      }
    }
  }
  return { duplicated: twice.size, redelivered: again.size }
}

/** Whether a gap lies between two epochs of the event's partition. */
function isNewEpoch({ reason, upTo }: Gap, { partition, ack }: PublishedEvent): boolean {
  const end = parsePosition(upTo)!
  return reason === 'epoch' && end.partition === partition && end.epoch !== ack?.epoch
}

/** Whether a position lies in the range of a gap, which may begin in one epoch and end in another. */
export function covers(gap: Gap, at: Position): boolean {
  const after = gap.after === undefined ? undefined : parsePosition(gap.after)!
  const upTo = parsePosition(gap.upTo)!
  if (upTo.partition !== at.partition) return false
  if (at.epoch === upTo.epoch && comparePositions(at, upTo) > 0) return false
  if (at.epoch === after?.epoch && comparePositions(at, after) <= 0) return false
  return at.epoch === upTo.epoch || at.epoch === after?.epoch
}
