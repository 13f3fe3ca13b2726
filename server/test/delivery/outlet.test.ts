import { describe, expect, it } from 'vitest'
import { Outlet } from '../../src/delivery/outlet.ts'
import type { LaneIndex } from '../../src/delivery/wire/lanes.ts'
import { feedLane, openBacklog, push } from './queue/support.ts'
import { SimulatedSocket } from './support.ts'

const MEMORY = { changed() {} }
const WINDOW_BYTES = 4_000
const LARGE_WINDOW_BYTES = 4_000_000

function open() {
  const { backlog } = openBacklog(undefined, WINDOW_BYTES)
  const socket = new SimulatedSocket()
  const flow = { windowBytes: WINDOW_BYTES, lowWaterShare: 0.25, mode: 'credit' } as const
  const outlet = new Outlet(socket, flow, backlog, { onDelivered() {}, onGap() {} }, MEMORY)
  const queue = backlog.open({ onSlow: 'drop-oldest', maxRate: undefined })
  const lanes = [feedLane(0), feedLane(1), feedLane(2)] as const
  const fill = (lane: LaneIndex, count: number, first = 1) =>
    push(
      queue.lane(lane),
      lanes[lane],
      Array.from({ length: count }, () => 'k'),
      first,
    )
  return { backlog, socket, outlet, queue, fill }
}

describe('outlet', () => {
  it('D-FLOW-1 writes up to the high-water mark, and on from the low-water mark', () => {
    const { backlog, socket, outlet, fill } = open()
    fill(1, 200)
    outlet.flush(5)
    expect(socket.bytes).toBeLessThanOrEqual(WINDOW_BYTES * 0.75)
    expect([outlet.isOpen, outlet.congestedSince]).toEqual([false, 5])
    const written = socket.bytes
    outlet.step({ type: 'credited', bytes: written - WINDOW_BYTES * 0.5 }, 6)
    expect(outlet.isOpen).toBe(false)
    outlet.step({ type: 'credited', bytes: written - WINDOW_BYTES * 0.25 }, 7)
    expect(outlet.isOpen).toBe(true)
    outlet.flush(7)
    expect(socket.bytes).toBeGreaterThan(written)
    expect(backlog.isEmpty).toBe(false)
  })

  it('D-FLUSH-4 writes a large window in parts', () => {
    const { backlog } = openBacklog(undefined, LARGE_WINDOW_BYTES)
    const socket = new SimulatedSocket()
    const flow = { windowBytes: LARGE_WINDOW_BYTES, lowWaterShare: 0.25, mode: 'credit' } as const
    const outlet = new Outlet(socket, flow, backlog, { onDelivered() {}, onGap() {} }, MEMORY)
    const queue = backlog.open({ onSlow: 'drop-oldest', maxRate: undefined })
    push(
      queue.lane(1),
      feedLane(1),
      Array.from({ length: 20_000 }, () => 'k'),
      1,
    )
    const written: number[] = []
    while (!backlog.isEmpty) {
      const before = socket.bytes
      expect(outlet.flush(0)).toBe(true)
      written.push(socket.bytes - before)
    }
    expect(written.length).toBeGreaterThan(2)
    // The last frame may reach beyond.
    expect(Math.max(...written)).toBeLessThanOrEqual(131_072 + 65_536)
  })

  it('D-FLOW-4 keeps queued what the socket drops', () => {
    const { backlog, socket, outlet, queue, fill } = open()
    fill(1, 3)
    socket.dropping = true
    outlet.flush(0)
    expect(queue.ledger).toMatchObject({ delivered: 0, queued: 3 })
    socket.release()
    outlet.flush(1)
    expect(queue.ledger).toMatchObject({ delivered: 3, queued: 0 })
    expect(backlog.isEmpty).toBe(true)
  })

  it('D-GAP-1 tells a gap before what is newer', () => {
    const { socket, outlet, queue, fill } = open()
    fill(1, 3)
    queue.lane(1).dropOldest()
    outlet.flush(0)
    expect(socket.frames.map(({ type }) => type)).toEqual(['gap', 'batch'])
    expect(socket.ids()).toEqual(['2', '3'])
  })

  it('D-LANE-3 writes high into the rest of the window while nothing else is written', () => {
    const { socket, outlet, queue, fill } = open()
    fill(1, 200)
    outlet.flush(0)
    const [written, normal] = [socket.bytes, queue.ledger.delivered]
    fill(0, 2, 1_000)
    outlet.flush(1)
    expect(queue.ledger.delivered).toBe(normal + 2)
    expect(socket.parts().at(-1)!.lane).toBe('high')
    expect(socket.bytes).toBeGreaterThan(written)
    expect(socket.bytes).toBeLessThanOrEqual(WINDOW_BYTES)
  })
})
