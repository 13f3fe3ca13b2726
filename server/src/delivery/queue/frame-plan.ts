import {
  type ByLane,
  bytesOf,
  FRAME_OVERHEAD_BYTES,
  LANE_INDEXES,
  type LaneIndex,
  partOverheadBytes,
  type Take,
} from '../wire/index.ts'
import type { Run } from './run.ts'

/**
 * Share of every frame kept for each lower lane with waiting events, so that it advances under any load of high events.
 */
const LOWER_LANE_SHARE = 1 / 8

/** The input of frame planning: one lane of a subscriber. */
export interface TakeableLane {
  /** Bytes of the events that may be taken now. */
  readonly takeableBytes: number
  /** Runs in the order of taking. */
  takeable(): Iterable<Run>
}

type TakeableLanes = ByLane<TakeableLane>

/** Decides the content of a subscriber's frames: high before normal before low, none starved. */
export class FramePlanner {
  /** The share that a waiting lane could not use because its next event is larger, saved up until that fits. */
  readonly #saved: [number, number, number] = [0, 0, 0]

  /**
   * @param budgetBytes maximum size of the whole frame
   * @param oversized whether one event may go out even if it does not fit the budget
   * @returns the takes to send, in order; empty when nothing waits or nothing fits
   */
  plan(lanes: TakeableLanes, budgetBytes: number, oversized: boolean): Take<Run>[] {
    const takes: Take<Run>[] = []
    const share = Math.floor(budgetBytes * LOWER_LANE_SHARE)
    const reserved: [number, number, number] = [0, 0, 0]
    for (const lane of [1, 2] as const) {
      // Twice the event bytes covers the part's opening bytes; a lane that needs less leaves the rest to the others.
      const bytes = lanes[lane].takeableBytes
      if (bytes > 0) reserved[lane] = Math.min(share + this.#saved[lane], bytes * 2)
    }
    let left = budgetBytes - FRAME_OVERHEAD_BYTES
    for (const lane of LANE_INDEXES) {
      const lowerReserve = lane === 0 ? reserved[1] + reserved[2] : lane === 1 ? reserved[2] : 0
      const before = takes.length
      left -= takeFrom(lanes[lane], left - lowerReserve, takes)
      const starved = takes.length === before && reserved[lane] > 0
      this.#saved[lane] = starved ? Math.min(this.#saved[lane] + share, budgetBytes) : 0
    }
    if (takes.length === 0 && oversized) {
      const next = this.#next(lanes)
      if (next !== undefined) {
        const { run, lane } = next
        takes.push({ run, to: run.next + 1, bytes: bytesOf(run.encoded, run.slots, run.next, run.next + 1) })
        this.#saved[lane] = 0
      }
    }
    return takes
  }

  /** The high events that fit into a frame of their own; shares saved by waiting lanes stay as they are. */
  planHigh(high: TakeableLane, budgetBytes: number): Take<Run>[] {
    const takes: Take<Run>[] = []
    takeFrom(high, budgetBytes - FRAME_OVERHEAD_BYTES, takes)
    return takes
  }

  /** The front run of the lane with the largest savings, the highest among equals, and that lane. */
  #next(lanes: TakeableLanes): { readonly run: Run; readonly lane: LaneIndex } | undefined {
    let best: { readonly run: Run; readonly lane: LaneIndex } | undefined
    for (const lane of LANE_INDEXES) {
      const [run] = lanes[lane].takeable()
      if (run !== undefined && (best === undefined || this.#saved[lane] > this.#saved[best.lane])) best = { run, lane }
    }
    return best
  }
}

/** Takes the events of one lane that fit into `budgetBytes`, and returns the bytes they add to the frame. */
function takeFrom(queue: TakeableLane, budgetBytes: number, takes: Take<Run>[]): number {
  let used = 0
  if (budgetBytes <= 0) return used
  let previous: Run | undefined
  for (const run of queue.takeable()) {
    const overhead = partOverheadBytes(run, previous)
    const room = budgetBytes - used - overhead
    if (run.bytes > room) {
      const part = takePart(run, room)
      if (part === undefined) return used
      takes.push(part)
      return used + overhead + part.bytes
    }
    takes.push({ run, to: run.picks.length, bytes: run.bytes })
    used += overhead + run.bytes
    previous = run
  }
  return used
}

function takePart(run: Run, room: number): Take<Run> | undefined {
  let bytes = 0
  let to = run.next
  while (to < run.picks.length) {
    const size = bytesOf(run.encoded, run.slots, to, to + 1)
    if (bytes + size > room) break
    bytes += size
    to++
  }
  return to === run.next ? undefined : { run, to, bytes }
}
