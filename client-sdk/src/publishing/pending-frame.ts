import {
  type ErrorCode,
  FRAME_EVENTS,
  type FrameTrace,
  type RejectedEvent,
  type TraceContext,
} from '@tidegate/protocol'
import { TidegateError } from '../errors/errors.ts'
import type { FrameOutcome, PublishCall } from './publish-call.ts'
import { BODY_BYTES, type FrameBody, headOf, UNSTAMPED } from './publish-frames.ts'

/** What one call has in a frame. */
interface Part {
  readonly call: PublishCall
  /** Which of the frames of the call. */
  readonly index: number
  readonly events: number
  /** By the monotonic clock. */
  readonly calledAt: number
  /** Of its body, until the frame has it. */
  json: string
  readonly trace: TraceContext | undefined
}

/** A frame without a final answer: the events of one call, or of several of one turn. */
export class PendingFrame {
  readonly topic: string
  /** Under which a store keeps it. */
  readonly seq: number | undefined
  /** In which it was called: a receipt names positions of its own turn. */
  readonly #turn: number
  /** Until they know what became of their events: a frame that is kept after that keeps nothing else. */
  #parts: Part[]
  #events: number
  #bytes: number
  /** Those that callers gave: one that comes twice in a frame is refused, and in two frames it is not. */
  #ids: Set<string> | undefined
  #json: string | undefined
  /** First attempt, by the wall clock. */
  sentAt: number | undefined
  /** Events its acknowledgement rejected: they stay rejected if the frame is lost and sent again. */
  rejected: readonly RejectedEvent[] | undefined

  constructor(call: PublishCall, index: number, body: FrameBody, calledAt: number, turn: number, seq?: number) {
    const { topic, json, bytes, events, ids = [], trace } = body
    this.topic = topic
    this.seq = seq
    this.#turn = turn
    this.#parts = [{ call, index, events, calledAt, json, trace }]
    this.#events = events
    this.#bytes = bytes
    this.#ids = ids.length > 0 ? new Set(ids) : undefined
  }

  /** Takes over the events of the next one, if both fit one frame. Neither MUST have been sent. */
  absorb(next: PendingFrame): boolean {
    const events = this.#events + next.#events
    const bytes = this.#bytes + next.#bytes
    if (next.#turn !== this.#turn || next.topic !== this.topic || events > FRAME_EVENTS || bytes > BODY_BYTES)
      return false
    // One that ends input has no events. One that is kept has its number and content already.
    if (this.#events === 0 || next.#events === 0 || this.seq !== undefined || next.seq !== undefined) return false
    const ids = next.#ids ?? []
    for (const id of ids) if (this.#ids?.has(id)) return false
    if (this.#ids === undefined) this.#ids = next.#ids
    else for (const id of ids) this.#ids.add(id)
    this.#parts.push(...next.#parts)
    this.#events = events
    this.#bytes = bytes
    return true
  }

  /** Its members but seq and age: the same in every attempt. @param timeAt of events without a time, from that of their call */
  json(timeAt: (calledAt: number) => number): string {
    if (this.#json !== undefined) return this.#json
    const head = headOf(this.topic)
    const bodies = this.#parts.map(({ json, calledAt }) =>
      json.includes(UNSTAMPED) ? json.replaceAll(UNSTAMPED, String(timeAt(calledAt))) : json,
    )
    for (const part of this.#parts) part.json = ''
    const body =
      bodies.length === 1 ? bodies[0]! : `${head}${bodies.map((json) => json.slice(head.length, -1)).join()}]`
    this.#json = `${this.#traceJson()}${body}`
    return this.#json
  }

  /** The member `trace`, with a comma behind it; nothing where no call is traced. */
  #traceJson(): string {
    if (this.#parts.every(({ trace }) => trace === undefined)) return ''
    const list: FrameTrace[] = []
    let from = 0
    for (const { events, trace } of this.#parts) {
      list.push({ from, ...trace })
      from += events
    }
    return `"trace":${JSON.stringify(list)},`
  }

  /** Tells every call what became of its events. */
  settle(outcome: FrameOutcome): void {
    const parts = this.#parts
    this.#parts = []
    let start = 0
    for (const { call, index, events } of parts) {
      call.settle(index, parts.length === 1 ? outcome : outcomeOf(outcome, start, start + events))
      start += events
    }
  }

  /** The server refused the frame as a whole, for good. */
  refuse(code: ErrorCode, message: string): void {
    // An end has no events to list.
    if (this.#events === 0) return this.settle(new TidegateError(code, message))
    const rejected = Array.from({ length: this.#events }, (_, index) => ({ index, code, message }))
    this.settle({ at: [], rejected, duplicate: false })
  }
}

/** What concerns the events of a frame from `start` to before `end`, which count from 0 in their call. */
function outcomeOf(outcome: FrameOutcome, start: number, end: number): FrameOutcome {
  if (outcome instanceof TidegateError || outcome.rejected.length === 0) return outcome
  const own = outcome.rejected.filter(({ index }) => index >= start && index < end)
  return { ...outcome, rejected: own.map((event) => ({ ...event, index: event.index - start })) }
}
