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

/** Share of every frame kept for each lower lane that has something waiting, so that it moves however much is high. */
const LOWER_LANE_SHARE = 1 / 8

/** What frames are planned from: one lane of a subscriber. */
export interface TakeableLane {
  /** Bytes of the events that may be taken now. */
  readonly takeableBytes: number
  /** Runs in the order in which they are to be taken. */
  takeable(): Iterable<Run>
}

type TakeableLanes = ByLane<TakeableLane>

/** Decides what goes into the frames of one subscriber: high before normal before low, none starved. */
export class FramePlanner {
  /** Share a waiting lane could not use because its next event is larger, saved up until it fits. */
  readonly #saved: [number, number, number] = [0, 0, 0]

  /**
   * @param budgetBytes size of the whole frame at most
   * @param oversized whether one event may go out even if it does not fit the budget
   * @returns what to send, in order; empty when nothing waits or nothing fits
   */
  plan(lanes: TakeableLanes, budgetBytes: number, oversized: boolean): Take<Run>[] {
    const takes: Take<Run>[] = []
    const share = Math.floor(budgetBytes * LOWER_LANE_SHARE)
    const reserved: [number, number, number] = [0, 0, 0]
    for (const lane of [1, 2] as const) {
      // Twice the events covers the part's opening bytes; a lane that needs less leaves the rest to the others.
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

  /** What of the high lane fits into a frame of its own; the shares that waiting lanes save up stay as they are. */
  planHigh(high: TakeableLane, budgetBytes: number): Take<Run>[] {
    const takes: Take<Run>[] = []
    takeFrom(high, budgetBytes - FRAME_OVERHEAD_BYTES, takes)
    return takes
  }

  /** The front run of the lane that has saved most, the highest among equals, and that lane. */
  #next(lanes: TakeableLanes): { readonly run: Run; readonly lane: LaneIndex } | undefined {
    let best: { readonly run: Run; readonly lane: LaneIndex } | undefined
    for (const lane of LANE_INDEXES) {
      const [run] = lanes[lane].takeable()
      if (run !== undefined && (best === undefined || this.#saved[lane] > this.#saved[best.lane])) best = { run, lane }
    }
    return best
  }
}

/** Takes from one lane what fits into `budgetBytes`, and returns how many bytes that adds to the frame. */
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
