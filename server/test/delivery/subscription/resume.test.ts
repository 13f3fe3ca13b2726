import { comparePositions, type Lane, parsePosition, type ResumeFrom, type SubscribeOptions } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { TopicTail } from '../../../src/delivery/log/topic-tail.ts'
import { laneOf, ModelNode, TOPIC } from '../model-node.ts'
import { SimulatedSocket } from '../support.ts'

function resume(node: ModelNode, from: ResumeFrom, lanes?: readonly Lane[]) {
  const socket = new SimulatedSocket()
  const session = node.openSubscriber(socket)
  session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, from, ...(lanes && { lanes }) })
  return { session, socket }
}

/** Positions in partition 0 for all lanes; partition 1 stands at its beginning. */
function positions(at: string): ResumeFrom {
  const both = [at, '1@e1/0-0.999999']
  return { positions: { [TOPIC]: { high: both, normal: both, low: both } } }
}

/** A log of partition 0 with one event per second from 1,000 s on. */
function filled(count: number): ModelNode {
  const node = new ModelNode()
  for (let i = 0; i < count; i++) node.append(0, [{ id: `e${i}` }], `${1_000_000 + i * 1_000}-0`)
  node.reopenTails()
  return node
}

describe('resume', () => {
  it('D-RESUME-5 starts at the beginning for earliest and for a topic the vector does not know', () => {
    for (const from of ['earliest', { positions: {} }] as const) {
      const node = filled(3)
      const { session, socket } = resume(node, from)
      node.settle(session, socket)
      expect(socket.ids()).toEqual(['e0', 'e1', 'e2'])
      expect(socket.ofType('subscribed')[0]!.recovered).toBe(true)
    }
  })

  it('D-RESUME-11 starts now in topics that the vector does not know, where that is asked for', () => {
    const node = filled(3)
    const { session, socket } = resume(node, { positions: {}, absent: 'now' })
    node.settle(session, socket)
    expect(socket.ids()).toEqual([])
    expect(socket.ofType('subscribed')[0]!.recovered).toBe(true)
    node.append(0, [{ id: 'e3' }], '1003000-0')
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['e3'])
    const known = resume(filled(3), { ...(positions('0@e1/1000000-0.0') as object), absent: 'now' } as ResumeFrom)
    expect(known.socket.ofType('subscribed')[0]!.positions[TOPIC]!.normal![0]).toBe('0@e1/1000000-0.0')
  })

  it('D-RESUME-5 starts at the first entry appended at a time or later', () => {
    for (const [time, first] of [
      [1_000_000, 0],
      [1_000_001, 1],
      [1_002_000, 2],
    ] as const) {
      const node = filled(4)
      const { session, socket } = resume(node, { time })
      node.settle(session, socket)
      expect(socket.ids()).toEqual(['e0', 'e1', 'e2', 'e3'].slice(first))
    }
  })

  it('D-RESUME-3 D-RESUME-7 reports what was trimmed and delivers the rest', () => {
    const node = filled(5)
    node.trim('1002000-0')
    const { session, socket } = resume(node, positions('0@e1/1000000-0.0'), ['normal'])
    expect(socket.ofType('subscribed')[0]!.recovered).toBe(false)
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['e3', 'e4'])
    expect(socket.gaps()).toContainEqual({
      type: 'gap',
      sub: 1,
      topic: TOPIC,
      lane: 'normal',
      after: '0@e1/1000000-0.0',
      upTo: '0@e1/1002000-0.999999',
      count: null,
      reason: 'trimmed',
      fetchable: false,
    })
    expect(socket.frames.findIndex((frame) => frame.type === 'gap')).toBeLessThan(
      socket.frames.findIndex((frame) => frame.type === 'batch'),
    )
  })

  it('D-RESUME-3 D-RESUME-7 says nothing when everything after the position is still there', () => {
    const node = filled(5)
    node.trim('1002000-0')
    const from = positions('0@e1/1002000-0.999999') as { positions: Record<string, Record<Lane, string[]>> }
    for (const lane of Object.values(from.positions[TOPIC]!)) lane[1] = '1@e1/1002000-0.999999'
    const { session, socket } = resume(node, from)
    expect(socket.ofType('subscribed')[0]!.recovered).toBe(true)
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['e3', 'e4'])
    expect(socket.gaps()).toEqual([])
  })

  it('D-RESUME-3 notices when trimming overtakes a replay under way', () => {
    const node = filled(30)
    const { session, socket } = resume(node, 'earliest', ['normal'])
    node.readPage()
    node.answerPage()
    node.flush()
    const got = socket.ids().length
    node.trim('1019000-0')
    node.settle(session, socket)
    const ids = socket.ids()
    const gap = socket.gaps().find(({ upTo }) => upTo.startsWith('0@'))!
    expect(got).toBe(ids.length - 10)
    expect(ids.slice(-10)).toEqual(Array.from({ length: 10 }, (_, i) => `e${20 + i}`))
    expect(gap).toMatchObject({ reason: 'trimmed', count: null, upTo: '0@e1/1019000-0.999999' })
    expect(gap.after).toBe(socket.events()[ids.length - 11]!.at)
  })

  it('D-RESUME-3 says nothing of trimming behind a replay under way', () => {
    const node = filled(30)
    const { session, socket } = resume(node, { time: 0 }, ['normal'])
    node.readPage()
    node.answerPage()
    node.trim('1003000-0')
    node.settle(session, socket)
    expect(socket.ids()).toEqual(Array.from({ length: 30 }, (_, i) => `e${i}`))
    expect(socket.gaps().filter(({ upTo }) => upTo.startsWith('0@'))).toEqual([])
  })

  it('D-RESUME-4 D-RESUME-7 delivers the rest of the old epoch, then a gap, then the new one', () => {
    const node = filled(3)
    node.epoch = 'e2'
    node.append(0, [{ id: 'new' }], '1003000-0')
    node.reopenTails()
    const { session, socket } = resume(node, positions('0@e1/1000000-0.0'), ['normal'])
    expect(socket.ofType('subscribed')[0]!.recovered).toBe(false)
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['e1', 'e2', 'new'])
    expect(socket.gaps().filter(({ upTo }) => upTo.startsWith('0@'))).toEqual([
      expect.objectContaining({
        after: '0@e1/1002000-0.0',
        upTo: '0@e2/1002999-18446744073709551615.999998',
        reason: 'epoch',
      }),
    ])
    const kinds = socket.frames.map((frame) => frame.type).filter((type) => type === 'batch' || type === 'gap')
    expect(kinds).toEqual(['batch', 'gap', 'batch'])
  })

  it('D-RESUME-1 D-RESUME-4 repeats nothing where the tail is behind a replay that has gone on into another epoch', () => {
    const node = filled(3)
    node.epoch = 'e2'
    node.append(0, [{ id: 'new' }], '1003000-0')
    node.tails[0] = new TopicTail('1000000-0', 'e1')
    const { session, socket } = resume(node, positions('0@e1/1000000-0.0'))
    node.readPage()
    node.answerPage()
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['e1', 'e2', 'new'])
  })

  it('D-TAIL-8 D-RESUME-1 repeats nothing that a replay has offered of a later epoch when the tail notices its loss', () => {
    const node = filled(1)
    node.epoch = 'e2'
    node.append(0, [{ id: 'a' }], '1001000-0')
    node.append(0, [{ id: 'b' }], '1002000-0')
    node.tails[0] = new TopicTail('1000000-0', 'e1')
    const { session, socket } = resume(node, positions('0@e1/1000000-0.0'))
    node.readPage()
    node.answerPage()
    node.flush()
    expect(socket.ids()).toEqual(['a', 'b'])
    session.reportLost(TOPIC, 0, { had: 'e1', upTo: node.tails[0].mark, isUnmarked: false })
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['a', 'b'])
  })

  it('D-TAIL-8 reports to a replay that has read beyond the end of a log which lost it under the same epoch', () => {
    const node = filled(30)
    const { session, socket } = resume(node, positions('0@e1/1000000-0.0'), ['normal'])
    node.readPage()
    node.answerPage()
    node.flush()
    const read = socket.ids()
    expect(read.length).toBeGreaterThan(5)
    node.logs[0]!.splice(3)
    node.reopenTails()
    session.reportLost(TOPIC, 0, { had: 'e1', upTo: node.tails[0]!.mark, isUnmarked: true })
    node.append(0, [{ id: 'new' }], '1003500-0')
    node.settle(session, socket)
    expect(socket.ids()).toEqual([...read, 'new'])
    expect(socket.gaps()).toMatchObject([{ reason: 'epoch', count: null, upTo: '0@e1/1002000-0.999999' }])
  })

  it('D-RESUME-4 finds entries below the position also of an epoch that begins while the log is read', () => {
    const node = filled(3)
    node.logs[0]!.splice(0)
    node.epoch = 'e2'
    node.append(0, [{ id: 'a' }], '990000-0')
    const { session, socket } = resume(node, positions('0@e1/1002000-0.0'))
    node.epoch = 'e3'
    node.append(0, [{ id: 'b' }], '991000-0')
    node.readPage()
    node.answerPage()
    node.flush()
    node.tails[0] = new TopicTail('991000-0', 'e3')
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['a', 'b'])
  })

  it('D-SUB-5 continues a lane that is excluded for a while where the client is, ahead of the replay of the others', () => {
    const node = filled(4)
    const [high, normal] = [['0@e1/1000000-0.0'], ['0@e1/1002000-0.0']]
    const { session, socket } = resume(node, { positions: { [TOPIC]: { high, normal } } }, ['high', 'normal'])
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, lanes: ['high'] })
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, lanes: ['high', 'normal'] })
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['e3'])
    expect(socket.ofType('subscribed').at(-1)!.positions[TOPIC]!.normal![0]).toBe('0@e1/1002000-0.0')
  })

  it('D-SUB-5 loses nothing of an entry in which a lane is excluded and included again', () => {
    const node = new ModelNode()
    node.append(0, [{ id: 'a' }, { id: 'b' }], '1000000-0')
    node.append(0, [{ id: 'c' }], '1001000-0')
    node.reopenTails()
    const { session, socket } = resume(node, positions('0@e1/1000000-0.0'), ['high', 'normal'])
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, lanes: ['high'] })
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, lanes: ['high', 'normal'] })
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['b', 'c'])
  })

  it('D-EPOCH-1 reports the change of epoch that a replay met ahead of the tail, in the lanes without an event there', () => {
    const node = filled(3)
    node.epoch = 'e2'
    node.append(0, [{ id: 'urgent', lane: 'high' }], '1003000-0')
    node.tails[0] = new TopicTail('1000000-0', 'e1')
    const { session, socket } = resume(node, positions('0@e1/1002000-0.0'), ['high', 'normal'])
    node.readPage()
    node.answerPage()
    node.settle(session, socket)
    node.append(0, [{ id: 'usual' }], '1004000-0')
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['urgent', 'usual'])
    expect(socket.gaps().map(({ lane, reason }) => [lane, reason])).toEqual([
      ['high', 'epoch'],
      ['normal', 'epoch'],
    ])
  })

  it('D-EPOCH-1 reports at the next progress an epoch whose ids lie below the position', () => {
    const node = filled(3)
    node.logs[0]!.splice(0)
    node.epoch = 'e2'
    node.append(0, [{ id: 'urgent', lane: 'high' }], '990000-0')
    node.reopenTails()
    const { session, socket } = resume(node, positions('0@e1/1002000-0.0'), ['normal'])
    node.settle(session, socket)
    session.progress()
    node.settle(session, socket)
    expect(socket.gaps().map(({ upTo }) => upTo)).toContain('0@e2/990000-0.999999')
  })

  it('D-RESUME-4 finds entries of the new epoch whose ids lie below the position', () => {
    const node = filled(3)
    node.epoch = 'e2'
    node.append(0, [{ id: 'slow clock' }], '1004000-0')
    node.reopenTails()
    // The subscriber had two more entries of the old epoch, which the new Redis never had.
    const { session, socket } = resume(node, positions('0@e1/1030000-0.0'), ['normal'])
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['slow clock'])
    expect(socket.gaps().map(({ reason }) => reason)).toContain('epoch')
  })

  it('D-EPOCH-1 tells live lanes before the first event of a new epoch, and quiet ones with the progress', () => {
    const node = filled(1)
    const { session, socket } = resume(node, 'now')
    node.epoch = 'e2'
    node.append(0, [{ id: 'new' }], '1003000-0')
    node.tail(0)
    node.flush()
    expect(socket.gaps().map(({ lane, reason }) => [lane, reason])).toEqual([['normal', 'epoch']])
    expect(socket.frames.map((frame) => frame.type)).toEqual(['subscribed', 'gap', 'batch'])
    session.progress()
    node.flush()
    expect(socket.gaps().map(({ lane, upTo }) => [lane, upTo])).toEqual([
      ['normal', '0@e2/1002999-18446744073709551615.999998'],
      ['high', '0@e2/1003000-0.999999'],
      ['low', '0@e2/1003000-0.999999'],
    ])
  })
})

describe('after an outage of the tail', () => {
  /** More bytes than may wait for a session, and than the tail's ring holds. */
  const TOTAL = 1_000
  const idOf = (i: number) => `${i} ${'x'.repeat(5_000)}`

  /** A subscriber that confirms nothing yet, to whom all that piled up comes at once, in all lanes. */
  function pileUp(subscribe: SubscribeOptions = {}) {
    const node = new ModelNode()
    const socket = new SimulatedSocket()
    const session = node.openSubscriber(socket, { windowBytes: 65_536, mode: 'credit' })
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, ...subscribe })
    node.isCatchingUp = true
    for (let i = 0; i < TOTAL; i += 4) {
      node.append(
        0,
        [0, 1, 1, 2].map((lane, j) => ({ id: idOf(i + j), lane: laneOf(lane) })),
      )
    }
    node.tail(0)
    return { node, socket, session, ledger: session.subscriptions.get(1)!.ledger }
  }

  it('D-RESUME-10 what piled up is read from the log at the pace of the client, without a gap', () => {
    const { node, socket, session } = pileUp()
    node.settle(session, socket)
    expect(socket.gaps()).toEqual([])
    expect(new Set(socket.ids()).size).toBe(TOTAL)
    expect(socket.ids()).toHaveLength(TOTAL)
    for (const lane of ['high', 'normal', 'low']) {
      const inLane = socket.parts().flatMap((part) => (part.lane === lane ? part.events.map(({ at }) => at) : []))
      expect(inLane).toEqual(inLane.toSorted(inLog))
    }
    node.append(0, [{ id: 'live' }])
    node.tail(0)
    expect(session.replayingFeeds).toBe(0)
    node.settle(session, socket)
    expect(socket.ids().at(-1)).toBe('live')
  })

  it('D-RESUME-10 loses nothing of a new epoch whose ids lie below the position', () => {
    const node = filled(3)
    node.logs[0]!.splice(0)
    node.epoch = 'e2'
    node.append(0, [{ id: 'before' }], '990000-0')
    node.reopenTails()
    const { session, socket } = resume(node, positions('0@e1/1002000-0.0'))
    node.settle(session, socket)
    node.epoch = 'e3'
    node.isCatchingUp = true
    for (let i = 0; i < TOTAL; i++) node.append(0, [{ id: idOf(i) }], `${991_000 + i}-0`)
    node.tail(0)
    expect(session.replayingFeeds).toBe(1)
    node.settle(session, socket)
    expect(socket.ids()).toHaveLength(1 + TOTAL)
  })

  it('D-RESUME-10 who has not caught up in time is told what does not fit, with its count', () => {
    const { node, socket, session, ledger } = pileUp({ lanes: ['normal', 'low'] })
    const read = (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        node.readPage()
        node.answerPage()
        node.flush()
      }
    }
    node.now += 9_000
    read(200)
    expect(session.replayingFeeds).toBe(1)
    expect(ledger.gapped).toBe(0)
    node.now += 2_000
    session.credit(socket.bytes)
    read(200)
    expect(session.replayingFeeds).toBe(0)
    expect(ledger.matched).toBe((TOTAL * 3) / 4)
    expect(ledger.gapped).toBeGreaterThan(0)
    node.settle(session, socket)
    expect(socket.gaps().reduce((sum, { count }) => sum + count!, 0)).toBe(ledger.gapped)
    expect(socket.ids()).toHaveLength((TOTAL * 3) / 4 - ledger.gapped)
  })

  it('D-RESUME-10 who asked for the latest stays live', () => {
    expect(pileUp({ onSlow: 'conflate' }).session.replayingFeeds).toBe(0)
    expect(pileUp({ maxRate: 1 }).session.replayingFeeds).toBe(0)
  })
})

const inLog = (a: string, b: string) => comparePositions(parsePosition(a)!, parsePosition(b)!)
