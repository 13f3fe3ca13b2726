import { FRAME_BYTES, FRAME_EVENTS, type TraceContext } from '@tidegate/protocol'
import { jsonOf } from '../application/arguments.ts'
import type { PublishEvent } from '../application/contract-types.ts'
import { TidegateError } from '../errors/errors.ts'
import { utf8Bytes } from '../utf8-bytes.ts'

/** Some events of one topic, in the form of a frame without its seq. */
export interface FrameBody {
  readonly topic: string
  /** The members `topic` and `events`; `UNSTAMPED` stands for the time of the call. */
  readonly json: string
  readonly bytes: number
  readonly events: number
  /** Those of the events that their caller gave. */
  readonly ids?: readonly string[]
  /** Where the call comes from, if it is traced. */
  readonly trace?: TraceContext | undefined
}

/** As long as a time. JSON has no such characters. */
export const UNSTAMPED = '\0'.repeat(13)

/** Half the limit: resending a lost frame of this size costs little. */
export const BODY_BYTES = FRAME_BYTES / 2
/** What stands beside a `traceparent` and a `tracestate` in a frame. */
const TRACE_ENVELOPE_BYTES = 60
/** Type, seq, age and punctuation around a body. */
export const ENVELOPE_BYTES = 80

/**
 * Splits events over as many frames as their number and size need.
 *
 * @param newId for events without one
 * @throws TidegateError `event_too_large` when one event does not fit a frame.
 */
export function frameBodies(
  topic: string,
  events: readonly PublishEvent<unknown>[],
  newId: () => string,
  trace?: TraceContext,
): FrameBody[] {
  const head = headOf(topic)
  const traceBytes = trace === undefined ? 0 : JSON.stringify(trace).length + TRACE_ENVELOPE_BYTES
  const bodies: FrameBody[] = []
  let open: string[] = []
  let openBytes = 0
  let ids: string[] = []
  const close = () => {
    if (open.length === 0) return
    const bytes = openBytes + utf8Bytes(head) + ENVELOPE_BYTES + traceBytes
    bodies.push({ topic, json: `${head}${open.join(',')}]`, bytes, events: open.length, ids, trace })
    open = []
    openBytes = 0
    ids = []
  }
  for (const event of events) {
    const json = eventJson(event, newId)
    const bytes = utf8Bytes(json) + 1
    if (bytes > BODY_BYTES) {
      throw new TidegateError('event_too_large', `An event of ${bytes} bytes does not fit a frame.`)
    }
    if (open.length === FRAME_EVENTS || openBytes + bytes > BODY_BYTES) close()
    open.push(json)
    openBytes += bytes
    if (event.id !== undefined) ids.push(event.id)
  }
  close()
  return bodies
}

/** What `json` of a body with events has before the first one; behind the last one comes a bracket. */
export function headOf(topic: string): string {
  return `"topic":${JSON.stringify(topic)},"events":[`
}

/** Members that are absent are written before those of the event. */
function eventJson(event: PublishEvent<unknown>, newId: () => string): string {
  const given = jsonOf('publish', event)
  const time = event.time === undefined ? `"time":${UNSTAMPED},` : ''
  const id = event.id === undefined ? `"id":"${newId()}",` : ''
  // Data that JSON does not know, such as a function, leaves nothing.
  return given === '{}' ? `{${`${time}${id}`.slice(0, -1)}}` : `{${time}${id}${given.slice(1)}`
}
