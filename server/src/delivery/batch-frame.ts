import { copyEvents } from './encoded-events.ts'
import type { Part } from './feed-lane.ts'
import type { Run } from './run.ts'

/** A stretch of one run that goes into a frame: from `run.next` up to pick `to` (exclusive). */
export interface Take {
  readonly run: Run
  readonly to: number
  /** Encoded bytes, a comma after each event. */
  readonly bytes: number
}

const FRAME_HEAD = Buffer.from('{"type":"batch","parts":[')
const FRAME_TAIL = Buffer.from(']}')
const NO_COUNTS = Buffer.from(']},')

export const FRAME_OVERHEAD_BYTES = FRAME_HEAD.length + FRAME_TAIL.length

/** Bytes that a take adds besides its events, if it opens a part: the same feed topic and lane continue the part before. */
export function partOverheadBytes(run: Run, previous: Run | undefined): number {
  const { part } = run.lane
  return previous?.lane.part === part ? 0 : part.head.length + partTail(part).length
}

/** Builds batch frames in one reused buffer: a frame is copied into the socket within the call that sends it. */
export class BatchFrameBuilder {
  #scratch = Buffer.allocUnsafeSlow(128 * 1_024)

  /** The frame of some takes, valid until the next call. */
  build(takes: readonly Take[]): Buffer {
    let size = FRAME_OVERHEAD_BYTES
    for (const take of takes) size += take.bytes + partOverheadBytes(take.run, undefined)
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size)
    const frame = this.#scratch
    let end = FRAME_HEAD.copy(frame)
    const counted = new Set<Part>()
    let open: Part | undefined
    for (const { run, to } of takes) {
      const { part } = run.lane
      if (part !== open) {
        if (open !== undefined) end = closePart(open, counted, frame, end)
        end += part.head.copy(frame, end)
        open = part
      }
      end = copyEvents(run.encoded, run.slots, run.next, to, frame, end)
    }
    if (open !== undefined) end = closePart(open, counted, frame, end)
    end += FRAME_TAIL.copy(frame, end - 1) - 1
    return frame.subarray(0, end)
  }
}

/** Ends the events array over the comma of its last event. Counts are told in the first part of a frame that has them to tell. */
function closePart(part: Part, counted: Set<Part>, frame: Buffer, end: number): number {
  const tail = counted.has(part) ? NO_COUNTS : partTail(part)
  if (part.hasUntold) counted.add(part)
  return end - 1 + tail.copy(frame, end - 1)
}

/** Closing bytes of a part, with the counts of what was withheld since the one before. */
function partTail(part: Part): Buffer {
  if (!part.hasUntold) return NO_COUNTS
  const { conflated, sampled } = part.untold
  return Buffer.from(
    `]${conflated > 0 ? `,"conflated":${conflated}` : ''}${sampled > 0 ? `,"sampled":${sampled}` : ''}},`,
  )
}
