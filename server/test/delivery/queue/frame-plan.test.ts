import { describe, expect, it } from 'vitest'
import type { Backlog } from '../../../src/delivery/queue/backlog.ts'
import type { LaneIndex } from '../../../src/delivery/wire/lanes.ts'
import { feedLane, openBacklog, push } from './support.ts'

const FRAME_BYTES = 2_000

function open() {
  const { backlog } = openBacklog()
  const queue = backlog.open({ onSlow: 'drop-oldest', maxRate: undefined })
  const fill = (lane: LaneIndex, count: number, idChars = 1) =>
    push(
      queue.lane(lane),
      feedLane(lane),
      Array.from({ length: count }, () => 'k'),
      1 + lane * 1_000,
      idChars,
    )
  return { backlog, fill }
}

/** How many events of each lane the next frame takes, and takes them. */
function nextFrame(backlog: Backlog, oversized = false) {
  const takes = backlog.plan(FRAME_BYTES, oversized)
  backlog.delivered(takes)
  const lanes = takes.map(({ run }) => run.lane.part.lane)
  const bytes = takes.reduce((sum, take) => sum + take.bytes, 0)
  return { lanes, bytes, of: (name: string) => lanes.filter((lane) => lane === name).length }
}

describe('frame planner', () => {
  it('D-LANE-1 puts high before normal before low', () => {
    const { backlog, fill } = open()
    fill(2, 2)
    fill(1, 2)
    fill(0, 2)
    expect(nextFrame(backlog).lanes).toEqual(['high', 'high', 'normal', 'normal', 'low', 'low'])
  })

  it('D-LANE-2 keeps an eighth of a full frame for each lower lane with something waiting', () => {
    const { backlog, fill } = open()
    fill(0, 500)
    fill(1, 500)
    fill(2, 500)
    const frame = nextFrame(backlog)
    expect(frame.of('high')).toBeGreaterThan(frame.of('normal') + frame.of('low'))
    expect(frame.of('normal')).toBeGreaterThan(0)
    expect(frame.of('low')).toBeGreaterThan(0)
    expect(frame.bytes).toBeLessThanOrEqual(FRAME_BYTES)
  })

  it('D-LANE-2 saves up the share of a lane while its next event is larger', () => {
    const { backlog, fill } = open()
    fill(0, 500)
    fill(2, 1, 600)
    const frames = Array.from({ length: 5 }, () => nextFrame(backlog).of('low'))
    expect(frames[0]).toBe(0)
    expect(frames).toContain(1)
  })

  it('D-FRAME-1 takes nothing that does not fit, unless one event may exceed the frame', () => {
    const { backlog, fill } = open()
    fill(1, 2, FRAME_BYTES)
    expect(nextFrame(backlog).lanes).toEqual([])
    const oversized = nextFrame(backlog, true)
    expect(oversized.lanes).toEqual(['normal'])
    expect(oversized.bytes).toBeGreaterThan(FRAME_BYTES)
  })

  it('D-LANE-3 plans high alone into a frame of its own', () => {
    const { backlog, fill } = open()
    fill(0, 3)
    fill(1, 3)
    const takes = backlog.planHigh(FRAME_BYTES)
    expect(takes.map(({ run }) => run.lane.part.lane)).toEqual(['high', 'high', 'high'])
  })
})
