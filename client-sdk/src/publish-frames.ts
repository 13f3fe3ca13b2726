import { LIMITS, type RejectedEvent } from '@tidegate/protocol'
import type { PublishEvent } from './contract-types.ts'
import { TidegateError } from './errors.ts'
import { utf8Bytes } from './utf8-bytes.ts'

export interface PublishReceipt {
  /** Position of the last stored event in each partition concerned. */
  readonly at: readonly string[]
  /** Events that were not stored, by their index in the call. The others were. */
  readonly rejected: readonly RejectedEvent[]
  /** Everything had been stored before. */
  readonly duplicate: boolean
}

/** Some events of one topic, in the form of a frame without its seq. */
export interface FrameBody {
  readonly topic: string
  /** The members `topic` and `events`. */
  readonly json: string
  readonly bytes: number
  readonly events: number
}

/** Half the limit: resending a lost frame of this size costs little. */
const FRAME_BYTES = LIMITS.frameBytes / 2
/** Type, seq, age and punctuation around a body. */
const ENVELOPE_BYTES = 80

/**
 * Splits events over as many frames as their number and size need.
 *
 * @throws TidegateError `event_too_large` when one event does not fit a frame.
 */
export function frameBodies(topic: string, events: readonly PublishEvent<unknown>[]): FrameBody[] {
  const head = `"topic":${JSON.stringify(topic)},"events":[`
  const bodies: FrameBody[] = []
  let open: string[] = []
  let openBytes = 0
  const close = () => {
    if (open.length === 0) return
    const bytes = openBytes + utf8Bytes(head) + ENVELOPE_BYTES
    bodies.push({ topic, json: `${head}${open.join(',')}]`, bytes, events: open.length })
    open = []
    openBytes = 0
  }
  for (const event of events) {
    const json = JSON.stringify(event)
    const bytes = utf8Bytes(json) + 1
    if (bytes > FRAME_BYTES) {
      throw new TidegateError('event_too_large', `An event of ${bytes} bytes does not fit a frame.`)
    }
    if (open.length === LIMITS.frameEvents || openBytes + bytes > FRAME_BYTES) close()
    open.push(json)
    openBytes += bytes
  }
  close()
  return bodies
}

/** One receipt for a call that took several frames; indexes count through the whole call. */
export function combineReceipts(receipts: readonly PublishReceipt[], frames: readonly FrameBody[]): PublishReceipt {
  let before = 0
  const rejected = receipts.flatMap((receipt, i) => {
    const shifted = receipt.rejected.map((event) => ({ ...event, index: event.index + before }))
    before += frames[i]!.events
    return shifted
  })
  return {
    at: receipts.flatMap(({ at }) => at),
    rejected,
    duplicate: receipts.length > 0 && receipts.every(({ duplicate }) => duplicate),
  }
}
