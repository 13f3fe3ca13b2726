import { describe, expect, it } from 'vitest'
import { Rights } from '../../../src/access/index.ts'
import { LOG_START, wholeEntry } from '../../../src/bus/index.ts'
import type { PageReader } from '../../../src/delivery/log/replayer.ts'
import type { Page } from '../../../src/delivery/log/shared-pages.ts'
import { TopicTail } from '../../../src/delivery/log/topic-tail.ts'
import { Replays } from '../../../src/delivery/subscription/replays.ts'
import { Subscription } from '../../../src/delivery/subscription/subscription.ts'
import { planSubscription, UNLIMITED } from '../../../src/delivery/subscription/subscription-plan.ts'
import { ONLY_READER } from '../../../src/limits/index.ts'
import { EPOCH, entryOf, openBacklog, takeableIds } from '../queue/support.ts'
import { contractOf } from '../support.ts'

const TOPIC = 'a.x'

/** One feed that reads a log of one partition from its beginning, behind a tail that has read up to `cursor`. */
function open(cursor: string) {
  const { backlog } = openBacklog({ bytes: 1_000_000, events: 80 })
  const planned = planSubscription(
    { type: 'subscribe', sub: 1, topic: TOPIC },
    contractOf([TOPIC]),
    1,
    UNLIMITED,
    Rights.EVERYTHING,
  )
  if (!planned.ok) throw new Error(planned.message)
  const subscription = new Subscription(planned.plan, backlog.open(planned.plan.policy), {
    isClosed: false,
    queued: () => {},
    caughtUpTo: () => {},
    fail: () => {},
  })
  const start = wholeEntry(EPOCH, LOG_START)
  subscription.addFeeds(TOPIC, [{ epoch: EPOCH, marks: [start, start, start] }])
  const tail = new TopicTail(cursor, EPOCH)
  const requests: PageReader[] = []
  const replays = new Replays(
    backlog,
    {
      replayer: { request: (reader) => requests.push(reader) },
      clock: { now: () => 0, monotonic: () => 0 },
      tailOf: () => tail,
      sureTailOf: () => tail,
    },
    ONLY_READER,
    {
      offered: () => {},
      replayFailed(error) {
        throw error
      },
    },
  )
  const feed = subscription.feed(TOPIC, 0)!
  const answer = (page: Partial<Page>) =>
    requests
      .shift()!
      .nextPage()!
      .onPage({ entries: [], trimmedTo: LOG_START, isLast: false, tailCursor: undefined, ...page })
  const queue = subscription.queue.lane(1)
  const deliver = () => {
    for (const run of [...queue.takeable()]) queue.delivered(run, run.picks.length, run.bytes)
    replays.pump()
  }
  replays.add([feed])
  return { tail, feed, replays, requests, answer, queue, deliver }
}

const entries = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => entryOf(`${first + i}-0`, [{ id: `${first + i}` }]))

describe('replays', () => {
  it('D-RESUME-6 asks for the next page only once there is room again', () => {
    const { requests, answer, queue, deliver } = open('50-0')
    answer({ entries: entries(1, 8) })
    expect(requests).toHaveLength(1)
    // There is room while ten or fewer wait, an eighth of what may: the rest of the page is read again.
    answer({ entries: entries(9, 8) })
    expect(queue.events).toBe(11)
    expect(requests).toHaveLength(0)
    deliver()
    expect(requests).toHaveLength(1)
    expect(requests[0]!.nextPage()!.from).toBe('11-0')
  })

  it('D-RESUME-1 goes live in one turn, with what the tail has read meanwhile', () => {
    const { tail, feed, replays, answer, queue } = open('3-0')
    for (const entry of entries(4, 2)) tail.push(entry)
    answer({ entries: entries(1, 3) })
    expect(feed.state.kind).toBe('live')
    expect(replays.feeds).toBe(0)
    expect(takeableIds(queue)).toEqual(['1-0', '2-0', '3-0', '4-0', '5-0'])
  })

  it('D-RESUME-3 tells what was trimmed before it was read, and reads on behind that', () => {
    const { answer, queue, requests } = open('50-0')
    answer({ trimmedTo: '20-0', entries: entries(21, 2) })
    expect(queue.dueGap()).toMatchObject({ reason: 'trimmed', count: null, upTo: { streamId: '20-0' } })
    queue.dueGapSent()
    expect(takeableIds(queue)).toEqual(['21-0', '22-0'])
    expect(requests[0]!.nextPage()!.from).toBe('22-0')
  })

  it('D-RESUME-3 what a gap has reported as trimmed does not come behind it, though a page or a tail still has it', () => {
    const read = open('50-0')
    // Trimmed between the read of the entries and that of the mark.
    read.answer({ trimmedTo: '2-0', entries: entries(1, 4) })
    expect(read.queue.dueGap()).toMatchObject({ reason: 'trimmed', upTo: { streamId: '2-0' } })
    read.queue.dueGapSent()
    expect(takeableIds(read.queue)).toEqual(['3-0', '4-0'])

    const kept = open('1-0')
    for (const entry of entries(2, 2)) kept.tail.push(entry)
    kept.answer({ trimmedTo: '2-0' })
    kept.queue.dueGap()
    kept.queue.dueGapSent()
    expect(kept.feed.state.kind).toBe('live')
    expect(takeableIds(kept.queue)).toEqual(['3-0'])
  })

  it('D-RESUME-8 asks for less after a page that was too large to come in time', () => {
    const { requests } = open('50-0')
    const request = requests[0]!.nextPage()!
    request.onTooLarge()
    expect(requests[0]!.nextPage()!.entries).toBeLessThan(request.entries)
  })
  it('D-RESUME-12 takes what the tails remember of many feeds in parts, each with the next flush', () => {
    const PARTITIONS = 12
    const ENTRIES = 50
    const { backlog } = openBacklog({ bytes: 10_000_000, events: 10_000 })
    const planned = planSubscription(
      { type: 'subscribe', sub: 1, topic: TOPIC },
      contractOf([TOPIC]),
      PARTITIONS,
      UNLIMITED,
      Rights.EVERYTHING,
    )
    if (!planned.ok) throw new Error(planned.message)
    const sink = { isClosed: false, queued: () => {}, caughtUpTo: () => {}, fail: () => {} }
    const subscription = new Subscription(planned.plan, backlog.open(planned.plan.policy), sink)
    const start = wholeEntry(EPOCH, LOG_START)
    const feedStart = { epoch: EPOCH, marks: [start, start, start] } as const
    subscription.addFeeds(
      TOPIC,
      Array.from({ length: PARTITIONS }, () => feedStart),
    )
    const tails = Array.from({ length: PARTITIONS }, () => new TopicTail(LOG_START, EPOCH))
    for (const tail of tails) for (const entry of entries(1, ENTRIES)) tail.push(entry)
    const tailOf = (_topic: string, partition: number) => tails[partition]
    let flushesAskedFor = 0
    const replays = new Replays(
      backlog,
      {
        replayer: { request: () => expect.unreachable('everything is in the tails') },
        clock: { now: () => 0, monotonic: () => 0 },
        tailOf,
        sureTailOf: tailOf,
      },
      ONLY_READER,
      {
        offered: () => flushesAskedFor++,
        replayFailed(error) {
          throw error
        },
      },
    )
    const queued = () => subscription.queue.lane(1).events
    replays.add([...subscription.feeds()])
    expect([queued(), replays.feeds, replays.isWaiting, flushesAskedFor]).toEqual([6 * ENTRIES, 6, true, 1])
    replays.pump()
    expect([queued(), replays.feeds, replays.isWaiting, flushesAskedFor]).toEqual([12 * ENTRIES, 0, false, 2])
  })
})
