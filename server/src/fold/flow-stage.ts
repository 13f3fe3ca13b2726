import { type EventBody, encodeEvent, type StoredEvent } from '../bus/index.ts'
import type { FlowTopic } from '../config/model.ts'
import { applyFlow } from '../operators/index.ts'
import { isTooDeep, TOO_DEEP } from './dead-letter.ts'

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

  /** A result keeps id, key and time of its input event. @throws what a step throws */
  apply(event: EventBody): FlowResult | undefined {
    const data = applyFlow(this.topic.steps, event.data)
    if (data === undefined) return undefined
    if (isTooDeep(data)) throw new Error(TOO_DEEP)
    const result = { ...event, data }
    const { key, time } = event
    return { event: result, stored: { key, lane: this.topic.laneOf(data), time, json: encode(result) } }
  }
}

/** @throws on data that is not JSON, such as a bigint from a map. */
export function encode({ id, key, time, source, data }: EventBody): string {
  return encodeEvent(id, key, time, source, JSON.stringify(data))
}
