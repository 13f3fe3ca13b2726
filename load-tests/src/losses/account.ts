import { comparePositions, compareStreamIds, LANES, type Lane, type Position, parsePosition } from '@tidegate/protocol'
import type { StoredEvent } from '../support/stored-events.ts'
import { PARTITIONS } from './deployment.ts'
import { COPY, NOTE } from './losses.config.ts'
import type { Published } from './publishers.ts'
import type { Subscriber, Told } from './subscriber.ts'

export interface Evidence {
  readonly notes: readonly Published[]
  /** By topic, everything its logs hold in the end. */
  readonly stored: ReadonlyMap<typeof NOTE | typeof COPY, readonly StoredEvent[]>
  readonly subscribers: readonly Subscriber[]
  /** When Redis ended, ms since 1970. */
  readonly losses: readonly number[]
  /** Gateways that ended, and when, `performance.now()`. */
  readonly ends: readonly { readonly gateway: number; readonly at: number }[]
}

/** Stream ids rise with time over all epochs: no clock is set back here. */
const isUpTo = (at: Position, upTo: Position) =>
  at.epoch === upTo.epoch ? comparePositions(at, upTo) <= 0 : compareStreamIds(at.streamId, upTo.streamId) <= 0

const textOf = ({ partition, epoch, streamId, index }: Position) => `${partition}@${epoch}/${streamId}.${index}`

/** Whether every event has one fate, and every subscriber was told it. @returns what is wrong, in words */
export function findFaults(evidence: Evidence): string[] {
  const { stored, subscribers } = evidence
  return [
    ...[...stored].flatMap(([topic, events]) => repeatsIn(topic, events)),
    ...lostNotes(evidence),
    ...disorder(evidence),
    ...subscribers.flatMap((subscriber) =>
      Array.from({ length: PARTITIONS }, (_, partition) => partition).flatMap((partition) =>
        subscriber.lanes.flatMap((lane) => {
          const told = subscriber.of(partition, lane)
          const inLane = (event: StoredEvent) => event.at.partition === partition && event.lane === lane
          const log = stored.get(subscriber.topic)!.filter(inLane)
          const faults = [
            ...unlikeLog(told, log, startOf(subscriber, partition, lane)),
            ...epochsUntold(told),
            ...toldTwice(told),
            ...(subscriber.topic === NOTE ? untoldLosses(told, subscriber, lane, partition, evidence) : []),
          ]
          return faults.map((fault) => `${subscriber.name} of ${subscriber.topic} ${partition} ${lane}: ${fault}`)
        }),
      ),
    ),
  ]
}

function repeatsIn(topic: string, events: readonly StoredEvent[]): string[] {
  const seen = new Set<string>()
  return events.flatMap(({ body: { id }, at }) => {
    if (!seen.has(id)) {
      seen.add(id)
      return []
    }
    return [`${id} is stored twice in ${topic}, again as ${textOf(at)}`]
  })
}

/** Notes of SDK clients were acknowledged a short time before each loss, so they are sent again. */
function lostNotes({ notes, stored }: Evidence): string[] {
  const inLog = new Set(stored.get(NOTE)!.map(({ body }) => body.id))
  const copied = new Set(stored.get(COPY)!.map(({ body }) => body.id))
  const lost = notes.filter(({ id, by, ack }) => ack !== undefined && 'client' in by && !inLog.has(id))
  return [
    ...lost.map(
      ({ id, partition, ack }) => `${id} was acknowledged as ${partition}@${ack!.epoch}/${ack!.streamId}, and is gone`,
    ),
    ...[...inLog].filter((id) => !copied.has(id)).map((id) => `no worker made a copy of ${id}`),
    ...[...copied].filter((id) => !inLog.has(id)).map((id) => `a copy of ${id}, which is in no log`),
  ]
}

/** What one client published of a key and lane is stored in the order in which it was. */
function disorder({ notes, stored }: Evidence): string[] {
  const byClient = new Set(notes.filter(({ by }) => 'client' in by).map(({ id }) => id))
  const last = new Map<string, number>()
  return stored.get(NOTE)!.flatMap(({ body: { id, key, data }, lane, at }) => {
    if (!byClient.has(id)) return []
    const { n } = data as { readonly n: number }
    const before = last.get(`${key} ${lane}`) ?? -1
    last.set(`${key} ${lane}`, n)
    return n > before ? [] : [`${id} is stored as ${textOf(at)}, behind e-${before}`]
  })
}

function startOf({ start, topic, isFromNow }: Subscriber, partition: number, lane: Lane): Position | undefined {
  if (!isFromNow) return undefined
  const positions = (start?.[topic]?.[lane] ?? []).map((text) => parsePosition(text)!)
  return positions.find((at) => at.partition === partition)
}

/** Every event in the log behind the start came once, in order, or lies in a gap. */
function unlikeLog(told: readonly Told[], log: readonly StoredEvent[], start: Position | undefined): string[] {
  const places = new Map(log.map(({ at }, place) => [textOf(at), place]))
  const faults: string[] = []
  let next = start === undefined ? 0 : log.findIndex(({ at }) => !isUpTo(at, start))
  if (next < 0) next = log.length
  const missed = (upTo: number, before: string) => {
    for (const { at, body } of log.slice(next, upTo))
      faults.push(`${body.id} at ${textOf(at)} did not come before ${before}`)
  }
  for (const each of told) {
    if (each.kind === 'gap') {
      while (next < log.length && isUpTo(log[next]!.at, each.upTo)) next++
      continue
    }
    const place = places.get(textOf(each.at))
    // Lost since.
    if (place === undefined) continue
    if (place < next) {
      faults.push(`${each.id} at ${textOf(each.at)} came behind what was told before`)
      continue
    }
    missed(place, textOf(each.at))
    next = place + 1
  }
  missed(log.length, 'the end')
  return faults
}

/** A change of epoch is told before the first event of the next one, and of each epoch events come in the order of the log. */
function epochsUntold(told: readonly Told[]): string[] {
  const last = new Map<string, Position>()
  let epoch: string | undefined
  let isTold = true
  return told.flatMap((each) => {
    if (each.kind === 'gap') {
      if (each.reason === 'epoch') isTold = true
      return each.reason === 'epoch' ? [] : [`a gap ${each.reason} up to ${textOf(each.upTo)}`]
    }
    const { at, id } = each
    const before = last.get(at.epoch)
    last.set(at.epoch, at)
    const isUntold = epoch !== undefined && at.epoch !== epoch && !isTold
    epoch = at.epoch
    isTold = false
    return [
      ...(isUntold ? [`${id} at ${textOf(at)} came without a gap behind another epoch`] : []),
      ...(before !== undefined && isUpTo(at, before) ? [`${id} at ${textOf(at)} came behind ${textOf(before)}`] : []),
    ]
  })
}

/** An event comes again only behind a gap `epoch`. */
function toldTwice(told: readonly Told[]): string[] {
  const eras = new Map<string, number>()
  let era = 0
  return told.flatMap((each) => {
    if (each.kind === 'gap') {
      if (each.reason === 'epoch') era++
      return []
    }
    const before = eras.get(each.id)
    eras.set(each.id, era)
    return before === era ? [`${each.id} came again at ${textOf(each.at)}, without a gap between`] : []
  })
}

/** Who did not get a note that was acknowledged and lost has a gap `epoch` in its place. */
function untoldLosses(
  told: readonly Told[],
  { start, topic, isFromNow }: Subscriber,
  lane: Lane,
  partition: number,
  { notes, stored, losses, ends }: Evidence,
): string[] {
  // By its id alone: the acknowledgement of what was stored before a change of epoch names the present one.
  const inLog = new Set(stored.get(NOTE)!.flatMap(({ at }) => (at.partition === partition ? [at.streamId] : [])))
  const from = startOf({ start, topic, isFromNow } as Subscriber, partition, lane)
  return notes.flatMap(({ id, n, by, partition: own, ack }) => {
    if (ack === undefined || own !== partition || LANES[n % LANES.length] !== lane) return []
    if (inLog.has(ack.streamId)) return []
    if (from !== undefined && compareStreamIds(ack.streamId, from.streamId) <= 0) return []
    // Nobody is left who knows of it.
    if ('gateway' in by && ends.some(({ gateway, at }) => gateway === by.gateway && at >= ack.at)) return []
    const lostAt = losses.find((at) => at >= Number.parseInt(ack.streamId, 10))
    const isTold = told.some((each) =>
      each.kind === 'event'
        ? each.at.streamId === ack.streamId
        : each.reason === 'epoch' && lostAt !== undefined && each.arrivedAt >= lostAt,
    )
    if (isTold) return []
    const what = `${id} was acknowledged at ${ack.epoch}/${ack.streamId} and lost by ${lostAt}, and neither it came nor a gap`
    return [`${what}: ${around(told, ack.streamId)}`]
  })
}

/** What was told around a place, in words. */
function around(told: readonly Told[], streamId: string): string {
  const idOf = (each: Told) => (each.kind === 'event' ? each.at : each.upTo).streamId
  const next = told.findIndex((each) => compareStreamIds(idOf(each), streamId) > 0)
  const textOfTold = (each: Told) =>
    each.kind === 'event' ? textOf(each.at) : `a gap ${each.reason} up to ${textOf(each.upTo)} at ${each.arrivedAt}`
  return told
    .slice(Math.max(0, next - 3), next + 4)
    .map(textOfTold)
    .join(', ')
}
