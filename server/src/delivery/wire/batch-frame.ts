import type { Arrival } from './arrival.ts'
import { copyEvents, type EncodedEvents, type Picks } from './encoded-events.ts'
import type { Part } from './part.ts'
import { addWithheld, isNone, noneWithheld, sumWithheld, type Thinned, type Withheld } from './withheld.ts'

/** The material of frames: events of one entry for one part, ascending. */
export interface FrameRun extends Thinned {
  readonly lane: { readonly part: Part; readonly partition: number }
  readonly epoch: string
  readonly streamId: string
  /** Event indexes in the entry. */
  readonly picks: Picks
  readonly encoded: EncodedEvents
  /** Where the picks lie in `encoded`. */
  readonly slots: Picks
  /** Of live events. */
  readonly arrival: Arrival | undefined
}

/** A stretch of one run that goes into a frame: from `run.next` up to pick `to` (exclusive). */
export interface Take<R extends FrameRun = FrameRun> {
  readonly run: R
  readonly to: number
  /** Encoded bytes, a comma after each event. */
  readonly bytes: number
}

const FRAME_HEAD = Buffer.from('{"type":"batch","parts":[')
const FRAME_TAIL = Buffer.from(']}')
const PART_TAIL = Buffer.from(']},')
/** Maximum length of a part's counts. */
const COUNTS_BYTES = ',"conflated":100000000,"sampled":100000000'.length

export const FRAME_OVERHEAD_BYTES = FRAME_HEAD.length + FRAME_TAIL.length

/** Maximum bytes of a take besides its events, if it opens a part: a take of the same part continues it. */
export function partOverheadBytes({ lane: { part }, withheld }: FrameRun, previous: FrameRun | undefined): number {
  const counts = withheld.length === 0 ? 0 : COUNTS_BYTES
  return counts + (previous?.lane.part === part ? 0 : part.head.length + PART_TAIL.length)
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
    const counts = countWithheld(takes)
    let open: Part | undefined
    for (const { run, to } of takes) {
      const { part } = run.lane
      if (part !== open) {
        if (open !== undefined) end = closePart(open, counts, frame, end)
        end += part.head.copy(frame, end)
        open = part
      }
      end = copyEvents(run.encoded, run.slots, run.next, to, frame, end)
    }
    if (open !== undefined) end = closePart(open, counts, frame, end)
    end += FRAME_TAIL.copy(frame, end - 1) - 1
    return frame.subarray(0, end)
  }
}

/** Counts to report in the parts of a frame. Mostly none. */
function countWithheld(takes: readonly Take[]): Map<Part, Withheld> | undefined {
  let counts: Map<Part, Withheld> | undefined
  for (const { run, to } of takes) {
    if (run.withheld.length === 0) continue
    const withheld = sumWithheld(run, to)
    if (isNone(withheld)) continue
    counts ??= new Map()
    const { part } = run.lane
    addWithheld(counts.get(part) ?? noneWithheld(), withheld)
    counts.set(part, withheld)
  }
  return counts
}

/** Ends the events array over the comma of its last event. The first part of a frame with counts carries them. */
function closePart(part: Part, counts: Map<Part, Withheld> | undefined, frame: Buffer, end: number): number {
  const count = counts?.get(part)
  counts?.delete(part)
  const tail = count === undefined ? PART_TAIL : countedTail(count)
  return end - 1 + tail.copy(frame, end - 1)
}

function countedTail({ conflated, sampled }: Withheld): Buffer {
  return Buffer.from(
    `]${conflated > 0 ? `,"conflated":${conflated}` : ''}${sampled > 0 ? `,"sampled":${sampled}` : ''}},`,
  )
}
