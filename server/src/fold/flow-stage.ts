import { isSampled } from '@tidegate/protocol'
import { type EventBody, encodeEvent, LETTER_TOO_DEEP, type StoredEvent, traceMembers } from '../bus/index.ts'
import type { FlowTopic } from '../config/contract/model.ts'
import { applyFlow } from '../operators/index.ts'
import { isTooDeep } from './dead-letter.ts'

/** A flow's result for an event: in the form for its readers, and in the stored form. */
export interface FlowResult {
  readonly event: EventBody
  readonly stored: StoredEvent
}

/** A flow: a result for each event, or none. */
export class FlowStage {
  readonly kind = 'flow'
  readonly topic: FlowTopic

  constructor(topic: FlowTopic) {
    this.topic = topic
  }

  /** A result keeps id, key, time and trace context of its input event. @throws what a step throws */
  apply(event: EventBody): FlowResult | undefined {
    const data = applyFlow(this.topic.steps, event.data)
    if (data === undefined) return undefined
    if (isTooDeep(data)) throw new Error(LETTER_TOO_DEEP)
    const result = { ...event, data }
    const { key, time } = event
    const stored = { key, lane: this.topic.laneOf(data), time, json: encode(result), isSampled: isSampled(event) }
    return { event: result, stored }
  }
}

/** @throws on data that is not JSON, such as a bigint from a map. */
export function encode(event: EventBody): string {
  const { id, key, time, source, data } = event
  return encodeEvent(id, key, time, source, JSON.stringify(data), traceMembers(event))
}
