import { copyEvents } from './encoded-events.ts'
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
const PART_TAIL = Buffer.from(']},')

export const FRAME_OVERHEAD_BYTES = FRAME_HEAD.length + FRAME_TAIL.length

/** Bytes that a take adds besides its events, if it opens a part: the same feed topic and lane continue the part before. */
export function partOverheadBytes(run: Run, previous: Run | undefined): number {
  return previous?.lane.partHead === run.lane.partHead ? 0 : run.lane.partHead.length + PART_TAIL.length
}

/** Builds batch frames in one reused buffer: a frame is copied into the socket within the call that sends it. */
export class BatchFrameBuilder {
  #scratch = Buffer.allocUnsafeSlow(128 * 1_024)

  /** The frame of some takes, valid until the next call. */
  build(takes: readonly Take[]): Buffer {
    let size = FRAME_OVERHEAD_BYTES
    for (const take of takes) size += take.bytes + take.run.lane.partHead.length + PART_TAIL.length
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size)
    const frame = this.#scratch
    let end = FRAME_HEAD.copy(frame)
    let open: Buffer | undefined
    for (const { run, to } of takes) {
      const { partHead } = run.lane
      if (partHead !== open) {
        if (open !== undefined) end = closePart(frame, end)
        end += partHead.copy(frame, end)
        open = partHead
      }
      end = copyEvents(run.encoded, run.slots, run.next, to, frame, end)
    }
    end = closePart(frame, end)
    end += FRAME_TAIL.copy(frame, end - 1) - 1
    return frame.subarray(0, end)
  }
}

/** Ends the events array over the comma of its last event. */
function closePart(frame: Buffer, end: number): number {
  return end - 1 + PART_TAIL.copy(frame, end - 1)
}
