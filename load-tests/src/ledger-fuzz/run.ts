import { setTimeout as sleep } from 'node:timers/promises'
import type { TidegateClient } from '@tidegate/client/node'
import { addCounts, type Counts, noCounts, sumOf } from './account.ts'
import { checkAccount, matchedBy } from './check.ts'
import type { Deployment } from './deployment.ts'
import { emptyLog, matches, readLog } from './log.ts'
import { RawSubscriber } from './raw-subscriber.ts'
import { createSchedule, type Schedule, type Step } from './schedule.ts'
import { selectorOf, TOPIC_NAMES, topicOf } from './topics.ts'

export interface RunReport {
  readonly seed: number
  readonly published: number
  /** Everything its client received. */
  readonly received: Counts
  readonly resumes: number
  /** How often the server closed the connection because the client was too slow. */
  readonly closedAsSlow: number
  /** And how often it ended without a close frame, which a reset may take with it. */
  readonly resets: number
  readonly faults: readonly string[]
}

const POLICIES = ['drop-oldest', 'conflate', 'sample', 'disconnect'] as const
const DRAIN_DEADLINE_MS = 60_000
const POLL_MS = 25
const PUBLISH_EVENTS = 500

/** Runs the schedule of a seed in topics reserved for it, and compares what the client received with the log. */
export async function run(
  seed: number,
  slot: number,
  { redis, ports }: Deployment,
  publisher: TidegateClient,
): Promise<RunReport> {
  const schedule = createSchedule(seed, POLICIES)
  const topics = (schedule.both ? TOPIC_NAMES : ['a' as const]).map((name) => topicOf(slot, name))
  const subscriber = new RawSubscriber(schedule, selectorOf(slot, schedule.both), ports)
  const { faults, accounts } = subscriber.wire
  let published = 0
  try {
    await subscriber.start()
    const startedAt = performance.now()
    for (const step of schedule.steps) {
      await sleep(Math.max(0, startedAt + step.at - performance.now()))
      if (step.do === 'publish') published += await publish(publisher, slot, schedule, step, published)
      else subscriber.perform(step)
      void checkLedger(subscriber)
    }
    subscriber.hurry()
    const log = await readLog(redis, topics)
    const expected = () =>
      matchedBy(
        subscriber.wire.current,
        log.filter((event) => matches(schedule, event)),
      ).length
    await drained(subscriber, expected)
    await subscriber.finish()
    for (const account of accounts) faults.push(...checkAccount(schedule, account, log))
  } finally {
    subscriber.close()
    await emptyLog(redis, topics)
  }
  const received = noCounts()
  for (const { counts } of accounts) for (const more of counts.values()) addCounts(received, more)
  const closedAsSlow = [...subscriber.closes.values()].reduce((sum, times) => sum + times, 0)
  const { resumes, resets } = subscriber
  return { seed, published, received, resumes, closedAsSlow, resets, faults }
}

/**
 * Waits until the server reports that nothing waits, that everything has matched, counting earlier connections, and
 * until the last gap arrived.
 */
async function drained(subscriber: RawSubscriber, expected: () => number): Promise<void> {
  const { wire } = subscriber
  let last: unknown
  for (const deadline = performance.now() + DRAIN_DEADLINE_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    const ledger = await checkLedger(subscriber)
    last = ledger
    if (ledger === undefined || ledger.queued > 0) continue
    if (ledger.gapped > wire.current.onConnection.gapped) continue
    const before = [...wire.current.counts.values()].reduce((sum, counts) => sum + sumOf(counts), 0)
    if (before - sumOf(wire.current.onConnection) + ledger.matched >= expected()) return
  }
  wire.faults.push(
    `the server did not come to its end: ${expected()} match, its ledger is ${JSON.stringify(last)}, on this connection ${JSON.stringify(wire.current.onConnection)} were received`,
  )
}

/** At every instant, matched events are the sum of delivered, withheld and waiting ones. */
async function checkLedger(subscriber: RawSubscriber) {
  const ledger = await subscriber.ledger()
  if (ledger === undefined) return undefined
  const { matched, delivered, conflated, sampled, gapped, queued } = ledger
  if (matched !== delivered + conflated + sampled + gapped + queued) {
    subscriber.wire.faults.push(`a ledger that does not add up: ${JSON.stringify(ledger)}`)
  }
  return ledger
}

async function publish(
  publisher: TidegateClient,
  slot: number,
  { keys }: Schedule,
  { topic, events, bytes, lanes }: Extract<Step, { do: 'publish' }>,
  first: number,
): Promise<number> {
  const pad = 'x'.repeat(bytes)
  for (let sent = 0; sent < events; sent += PUBLISH_EVENTS) {
    const count = Math.min(PUBLISH_EVENTS, events - sent)
    const part = Array.from({ length: count }, (_, i) => {
      const n = first + sent + i
      return { data: { key: `k${n % keys}`, lane: lanes[(n >> 2) % lanes.length], group: n % 3, n, pad } }
    })
    await publisher.publish(topicOf(slot, topic), part)
  }
  return events
}
