import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from '@tidegate/client'
import { formatPosition } from '@tidegate/protocol'
import { WebSocket } from 'ws'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { eachStoredEvent } from '../support/stored-events.ts'
import type config from './exactness.config.ts'
import { Fleet } from './fleet.ts'
import { IdLedger, PaneLedger } from './ledger.ts'
import { repeatingSocket } from './repeating-socket.ts'
import { createReadings, expectedPanes, framesOf, isHot, type ReadingEvent, WINDOW_MS } from './workload.ts'

export interface ExactnessOptions {
  readonly seed: number
  readonly events: number
  /** Publishing is spread over this time; the kills fall into it. */
  readonly publishMs: number
}

export interface ExactnessReport {
  readonly seed: number
  readonly published: number
  readonly framesRepeated: number
  readonly delivered: number
  /** Did not arrive. */
  readonly lost: number
  /** How much of it gaps of reason `overflow` counted: a subscriber that cannot keep up is told what it does not get. */
  readonly withheld: number
  /** Topics of which another number is lost than was counted. */
  readonly unexplained: readonly string[]
  /** Of what was lost at the subscriber: whether the log has it, and how far the subscriber came there. */
  readonly lostEvents: readonly string[]
  readonly subscriber?: readonly string[]
  readonly twice: number
  readonly late: number
  /** Why there were gaps. */
  readonly gapReasons: readonly string[]
  readonly panes: number
  readonly paneRevisions: number
  readonly paneFaults: readonly string[]
  readonly ok: boolean
}

const PUBLISHERS = 4
const REPEATED_SHARE = 0.05
const SENSORS = 200
/** Event time ends this long before the start: nothing may look as if it came from the future. */
const MARGIN_MS = 5_000
const SPAN_MS = 300_000
const DRAIN_DEADLINE_MS = 90_000
const READY_MS = 10_000

/**
 * Seeded events through the whole system while processes die, reconciled event by event: every event and every pane
 * revision at its subscriber exactly once, or counted in a gap, and every window's last revision equal to an offline recompute.
 */
export async function runExactness(
  options: ExactnessOptions,
  progress: (message: string) => void,
): Promise<ExactnessReport> {
  // The last windows are full: what is left of one would be waited for.
  const to = Math.floor((Date.now() - MARGIN_MS) / WINDOW_MS) * WINDOW_MS
  const events = createReadings({ seed: options.seed, count: options.events, sensors: SENSORS, from: to - SPAN_MS, to })
  progress(`seed ${options.seed}: ${events.length} events over ${SENSORS} sensors`)
  const fleet = await Fleet.start()
  try {
    const subscriber = await subscribe(fleet.url)
    const publishers = publishAll(fleet.url, events, options, progress)
    const [framesRepeated] = await Promise.all([publishers, disturb(fleet, options.publishMs, progress)])
    progress('all acknowledged; waiting for the last windows to close')
    const report = await drainAndCompare(subscriber, events, framesRepeated, options.seed, fleet.redisUrl, progress)
    await subscriber.close()
    return report
  } finally {
    await fleet.stop()
  }
}

/** Two workers and a gateway by kill -9, Redis by SIGTERM, spread over the publishing. */
async function disturb(fleet: Fleet, publishMs: number, progress: (message: string) => void): Promise<void> {
  const steps: [string, () => Promise<void>][] = [
    ['kill -9 of a worker', () => fleet.killWorker()],
    ['kill -9 of the gateway', () => fleet.killGateway()],
    ['SIGTERM and restart of Redis', () => fleet.restartRedis()],
    ['kill -9 of a worker', () => fleet.killWorker()],
  ]
  for (const [name, step] of steps) {
    await pause(publishMs / (steps.length + 1))
    progress(name)
    await step()
  }
}

async function publishAll(
  url: string,
  events: readonly ReadingEvent[],
  { seed, publishMs }: ExactnessOptions,
  progress: (message: string) => void,
): Promise<number> {
  const frames = framesOf(events)
  const startedAt = performance.now()
  const sockets = Array.from({ length: PUBLISHERS }, (_, i) => repeatingSocket(seed + i, REPEATED_SHARE))
  await Promise.all(
    sockets.map(async (socket, i) => {
      const client = createClient<typeof config>({ url, WebSocket: socket.WebSocket })
      const receipts: Promise<unknown>[] = []
      for (let n = i; n < frames.length; n += PUBLISHERS) {
        const due = startedAt + (n / frames.length) * publishMs
        if (due > performance.now()) await pause(due - performance.now())
        receipts.push(
          client.publish('sensor.reading', frames[n]!).then(({ rejected }) => {
            if (rejected.length > 0) throw new Error(`events were rejected: ${JSON.stringify(rejected[0])}`)
          }),
        )
      }
      await Promise.all(receipts)
      await client.close({ deadlineMs: 5_000 })
    }),
  )
  progress(`published ${events.length} events in ${Math.round((performance.now() - startedAt) / 100) / 10} s`)
  return sockets.reduce((sum, socket) => sum + socket.repeated(), 0)
}

interface Subscriber {
  readonly readings: IdLedger
  readonly hot: IdLedger
  readonly perSensor: PaneLedger
  readonly overall: PaneLedger
  readonly counts: { late: number }
  /** By topic, events that gaps of reason `overflow` counted. */
  readonly withheld: Map<string, number>
  readonly gapReasons: Set<string>
  /** How far each subscription came, in the order in which they are declared. */
  positions(): readonly string[]
  close(): Promise<void>
}

async function subscribe(url: string): Promise<Subscriber> {
  const client = createClient<typeof config>({ url, WebSocket })
  const subscriber = {
    readings: new IdLedger(),
    hot: new IdLedger(),
    perSensor: new PaneLedger(),
    overall: new PaneLedger(),
    counts: { late: 0 },
    withheld: new Map<string, number>(),
    gapReasons: new Set<string>(),
    positions: () => subscriptions.map((own) => JSON.stringify(own.positions)),
    close: () => client.close({ deadlineMs: 1_000 }),
  }
  const subscriptions = [
    client.subscribe('sensor.reading', {}, ({ id }) => subscriber.readings.add(id)),
    client.subscribe('sensor.hot', {}, ({ id }) => subscriber.hot.add(id)),
    client.subscribe('sensor.10s', {}, ({ data }) => subscriber.perSensor.add(data)),
    client.subscribe('sensor.all_10s', {}, ({ data }) => subscriber.overall.add(data)),
    client.subscribe('sensor.10s.late', {}, () => subscriber.counts.late++),
    client.subscribe('sensor.all_10s.late', {}, () => subscriber.counts.late++),
  ]
  for (const subscription of subscriptions)
    subscription.onGap(({ count, reason, topic }) => {
      subscriber.gapReasons.add(`${topic}: ${reason}`)
      if (reason !== 'overflow') return
      subscriber.withheld.set(topic, (subscriber.withheld.get(topic) ?? 0) + (count ?? 0))
    })
  await Promise.all(subscriptions.map((subscription) => subscription.ready))
  return subscriber
}

/** Waits until everything expected has arrived, or the deadline, and compares. */
async function drainAndCompare(
  subscriber: Subscriber,
  events: readonly ReadingEvent[],
  framesRepeated: number,
  seed: number,
  redisUrl: string,
  progress: (message: string) => void,
): Promise<ExactnessReport> {
  const perSensor = expectedPanes(events, (event) => event.data.sensorId)
  const overall = expectedPanes(events, () => '*')
  const ids = new Set(events.map((event) => event.id))
  const hotIds = new Set(events.filter(isHot).map((event) => event.id))
  const compare = () => {
    const readings = subscriber.readings.compare(ids)
    const hot = subscriber.hot.compare(hotIds)
    const panes = [subscriber.perSensor, subscriber.overall]
    const losses = {
      'sensor.reading': readings.lost.length,
      'sensor.hot': hot.lost.length,
      'sensor.10s': subscriber.perSensor.skipped,
      'sensor.all_10s': subscriber.overall.skipped,
    }
    const unexplained = unexplainedOf(losses, subscriber.withheld)
    const twice =
      readings.twice +
      readings.unexpected +
      hot.twice +
      hot.unexpected +
      panes.reduce((sum, ledger) => sum + ledger.twice, 0)
    const paneFaults = [...subscriber.perSensor.differences(perSensor), ...subscriber.overall.differences(overall)]
    const { late } = subscriber.counts
    return {
      seed,
      published: events.length,
      framesRepeated,
      delivered: subscriber.readings.size,
      lost: sum(Object.values(losses)),
      withheld: sum(subscriber.withheld.values()),
      unexplained,
      twice,
      late,
      gapReasons: [...subscriber.gapReasons],
      panes: perSensor.size + overall.size,
      paneRevisions: subscriber.perSensor.received + subscriber.overall.received,
      paneFaults,
      lostEvents: [] as readonly string[],
      ok: unexplained.length === 0 && twice === 0 && late === 0 && paneFaults.length === 0,
    }
  }
  const deadline = performance.now() + DRAIN_DEADLINE_MS
  let report = compare()
  while (!report.ok && performance.now() < deadline) {
    await pause(1_000)
    report = compare()
    progress(`${report.delivered} delivered, ${report.paneFaults.length} panes to come`)
  }
  // Whatever would arrive twice had its chance to.
  await pause(2_000)
  const lostEvents = [
    ...(await placesOf(redisUrl, 'sensor.reading', subscriber.readings.compare(ids).lost)),
    ...(await placesOf(redisUrl, 'sensor.hot', subscriber.hot.compare(hotIds).lost)),
  ]
  return { ...compare(), lostEvents, ...(lostEvents.length > 0 && { subscriber: subscriber.positions() }) }
}

/** Topic by topic: what gaps of one topic count says nothing of what is missing of another. */
export function unexplainedOf(
  losses: Readonly<Record<string, number>>,
  withheld: ReadonlyMap<string, number>,
): readonly string[] {
  return Object.entries(losses).flatMap(([topic, lost]) => {
    const counted = withheld.get(topic) ?? 0
    return lost === counted ? [] : [`${topic}: ${lost} lost, ${counted} counted by gaps`]
  })
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)

/** Where the log has events that did not arrive. */
async function placesOf(redisUrl: string, topic: string, lost: readonly string[]): Promise<string[]> {
  if (lost.length === 0) return []
  const redis = openCommandConnection(redisUrl, 'exactness')
  try {
    await untilReady(redis, READY_MS)
    const { partitions } = readSettings()
    const places = new Map<string, string>()
    for (let partition = 0; partition < partitions; partition++) {
      await eachStoredEvent(redis, partition, topic, ({ at, body }) => places.set(body.id, formatPosition(at)))
    }
    return lost.map((id) => `${topic} ${id}: ${places.get(id) ?? 'not in the log'}`)
  } finally {
    redis.disconnect()
  }
}
