import { type ErrorCode, FRAME_BYTES, FRAME_EVENTS } from '@tidegate/protocol'
import type { PublishEvent } from './contract-types.ts'
import { TidegateError } from './errors.ts'
import type { PublishReceipt } from './publish-receipt.ts'
import { utf8Bytes } from './utf8-bytes.ts'

/** Some events of one topic, in the form of a frame without its seq. */
export interface FrameBody {
  readonly topic: string
  /** The members `topic` and `events`; `UNSTAMPED` stands for the time of the call. */
  readonly json: string
  readonly bytes: number
  readonly events: number
}

/** As long as a time. JSON has no such characters. */
export const UNSTAMPED = '\0'.repeat(13)

/** Half the limit: resending a lost frame of this size costs little. */
const BODY_BYTES = FRAME_BYTES / 2
/** Type, seq, age and punctuation around a body. */
export const ENVELOPE_BYTES = 80

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
    const text = JSON.stringify(event)
    const json = event.time === undefined ? `{"time":${UNSTAMPED},${text.slice(1)}` : text
    const bytes = utf8Bytes(json) + 1
    if (bytes > BODY_BYTES) {
      throw new TidegateError('event_too_large', `An event of ${bytes} bytes does not fit a frame.`)
    }
    if (open.length === FRAME_EVENTS || openBytes + bytes > BODY_BYTES) close()
    open.push(json)
    openBytes += bytes
  }
  close()
  return bodies
}

/** The server refused the frame as a whole, for good. */
export function refusedFrame({ events }: FrameBody, code: ErrorCode, message: string): PublishReceipt {
  return {
    at: [],
    rejected: Array.from({ length: events }, (_, index) => ({ index, code, message })),
    duplicate: false,
  }
}

/**
 * What becomes of a call whose frames ended like this: a receipt if any of its events was stored.
 *
 * @throws TidegateError with the code of the first event that was refused, or why a frame has no answer
 */
export function settleCall(
  outcomes: readonly PromiseSettledResult<PublishReceipt>[],
  frames: readonly FrameBody[],
): PublishReceipt {
  const answered = outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : { at: [], rejected: [], duplicate: false },
  )
  const receipt = combineReceipts(answered, frames)
  const lost = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
  if (lost !== undefined) {
    const { code, message, cause } = lost.reason as TidegateError
    throw outcomes.length === 1 ? lost.reason : new TidegateError(code, message, { cause, receipt })
  }
  const events = frames.reduce((sum, frame) => sum + frame.events, 0)
  const [first] = receipt.rejected
  if (first === undefined || receipt.rejected.length < events) return receipt
  const { code, message, path } = first
  const what = path === undefined ? message : `${path}: ${message}`
  const text = events === 1 ? what : `None of ${events} events was stored. The first: ${what}`
  throw new TidegateError(code, text, { path, receipt })
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
