import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AppendReply, type AppendRequest, BusUnavailable, type Verdict } from '../../src/bus/index.ts'
import type { NumberedMessage } from '../../src/entities/index.ts'
import { OutboxSender } from '../../src/own/outbox-sender.ts'
import { until } from '../support/tidegate-process.ts'
import { warningsWhile } from '../support/warnings.ts'

/** The log of commands of a partition, as a test answers for it. */
class FakeLog {
  readonly requests: AppendRequest[] = []
  underWay = 0
  most = 0
  /** Of the calls to come; then everything is new. */
  readonly answers: (readonly Verdict[] | 'lineage' | 'unavailable')[] = []

  async append(request: AppendRequest): Promise<AppendReply> {
    this.requests.push(request)
    this.most = Math.max(this.most, ++this.underWay)
    await new Promise((resolve) => setTimeout(resolve, 1))
    this.underWay--
    const answer = this.answers.shift() ?? request.slices.map(() => 'new' as const)
    if (answer === 'unavailable') throw new BusUnavailable('unknown', 1, new Error('away'))
    if (answer === 'lineage') return { status: 'lineage', epoch: 'e', stored: 'a', current: 'b' }
    const slices = answer.map((verdict) => ({ verdict, entry: '1-1.0', refusedAtFirst: undefined }))
    return { status: 'ok', epoch: 'e', lineage: 'l', slices }
  }

  get seqs(): number[] {
    return this.requests.flatMap(({ slices }) => slices.map(({ identity }) => identity!.seq))
  }
}

let log: FakeLog
let arrived: number[]
let refused: string[]
let doubts: number
let sender: OutboxSender
let maySend = true

beforeEach(() => {
  ;[log, arrived, refused, doubts, maySend] = [new FakeLog(), [], [], 0, true]
  sender = senderAmong(1)
})
afterEach(() => sender.close())

function senderAmong(partitions: number): OutboxSender {
  return new OutboxSender({
    ...{ partition: 7, partitions, version: { epoch: 'e', lineage: 'l' }, log: () => log, now: () => 1_000 },
    report: () => 'id',
    maySend: async () => maySend,
    onArrived: ({ number }) => arrived.push(number),
    onRefused: ({ number }, verdict) => refused.push(`${number} ${verdict}`),
    onDoubt: () => doubts++,
  })
}

function message(number: number, size = 10): NumberedMessage {
  const body = {
    node: '~then',
    entity: 'e',
    command: 'c',
    input: { text: 'x'.repeat(size) },
    checksum: 'a_b',
    waitMs: 1,
  }
  return { number, message: { id: `then:${number}`, key: 'k', body } }
}
const messages = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i))

describe('outbox sender', () => {
  test('W-OUTBOX-1 sends in the order of numbers, each a slice of its own, one append at a time', async () => {
    sender.send(messages(1, 3))
    sender.send(messages(2, 5))
    await until(() => arrived.length === 5, 'five')
    expect(arrived).toEqual([1, 2, 3, 4, 5])
    expect(log.seqs).toEqual([1, 2, 3, 4, 5])
    expect(log.most).toBe(1)
    const { identity } = log.requests[0]!.slices[0]!
    expect(identity).toMatchObject({ producer: '~then:7', sequence: '1', session: 1, seq: 1, previous: '*', ageMs: 0 })
  })

  test('W-OUTBOX-1 tries again until it is accepted, and a duplicate is', async () => {
    log.answers.push('unavailable', ['new', 'storage_full'], ['duplicate'])
    sender.send(messages(1, 2))
    await until(() => arrived.length === 2, 'two')
    expect(log.seqs).toEqual([1, 2, 1, 2, 2])
  })

  test('W-OUTBOX-1 large messages are sent a few at a time', async () => {
    sender.send([message(1, 40_000), message(2, 40_000), message(3, 1)])
    await until(() => arrived.length === 3, 'three')
    expect(log.requests.map(({ slices }) => slices.length)).toEqual([1, 2])
  })

  test('W-OUTBOX-1 waits for many targets at once, and Node warns of none of the waits', async () => {
    maySend = false
    const ofMany = senderAmong(64)
    const toMany = messages(1, 200).map((sent) => ({ ...sent, message: { ...sent.message, key: `k-${sent.number}` } }))
    const warnings = await warningsWhile(async () => {
      ofMany.send(toMany)
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
    ofMany.close()
    expect(warnings).not.toContain('MaxListenersExceededWarning')
  })

  test('W-OUTBOX-2 under another identity of Redis it says so, and nothing counts as sent', async () => {
    log.answers.push('lineage')
    sender.send(messages(1, 1))
    await until(() => doubts === 1, 'a doubt')
    expect(arrived).toEqual([])
    sender.close()
    expect(log.requests).toHaveLength(1)
  })

  test('W-ROLLOUT-3 waits while a worker of an earlier contract may read what it sends', async () => {
    maySend = false
    sender.send(messages(1, 2))
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(log.requests).toEqual([])
    maySend = true
    await until(() => arrived.length === 2, 'two')
    expect(log.seqs).toEqual([1, 2])
  })

  test('W-OUTBOX-3 one that can never be accepted is given up, and the others arrive', async () => {
    log.answers.push(['new', 'conflict', 'new'])
    sender.send(messages(1, 3))
    await until(() => arrived.length === 2, 'two')
    expect([arrived, refused]).toEqual([[1, 3], ['2 conflict']])
  })
})
