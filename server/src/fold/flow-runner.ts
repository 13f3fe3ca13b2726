import { type EventBody, encodeEvent } from '../bus/index.ts'
import type { FlowTopic } from '../config/model.ts'
import { applyFlow } from '../operators/index.ts'
import { deadLetter, deadLetterTopic, isTooDeep, TOO_DEEP } from './dead-letter.ts'
import type { FoldCounters } from './fold-counters.ts'
import type { OutputBuffer } from './output-buffer.ts'
import type { Pipeline } from './pipeline.ts'

const PLAIN = { isLatest: false } as const

/** Writes the events of result topics that follow from single events: flows, their flows, late events and dead letters. */
export class FlowRunner {
  readonly #pipeline: Pipeline
  readonly #outputs: OutputBuffer
  readonly #counters: FoldCounters
  readonly #feed: (topic: string, event: EventBody) => void

  /** @param feed gets every event of every topic, for what reads it besides flows. */
  constructor(
    pipeline: Pipeline,
    outputs: OutputBuffer,
    counters: FoldCounters,
    feed: (topic: string, event: EventBody) => void,
  ) {
    this.#pipeline = pipeline
    this.#outputs = outputs
    this.#counters = counters
    this.#feed = feed
  }

  /** Hands an event of `topic` to what reads it: to windows, and through flows, whose results go on in the same way. */
  run(topic: string, event: EventBody): void {
    this.#feed(topic, event)
    for (const flow of this.#pipeline.flowsOf(topic)) this.#runOne(flow, event)
  }

  /** Passes an event on unchanged. */
  forward(topic: string, event: EventBody): void {
    const { key, time } = event
    this.#outputs.add(topic, { key, lane: 'low', time, json: encode(event) }, PLAIN)
  }

  bury(topic: string, event: EventBody, cause: string): void {
    this.#counters.deadLetters++
    this.#outputs.add(deadLetterTopic(topic), deadLetter(event, cause), PLAIN)
  }

  /** An output keeps id, key and time of what it was computed from. A step that throws loses that one event to the dead letters. */
  #runOne(flow: FlowTopic, event: EventBody): void {
    let result: EventBody
    try {
      const data = applyFlow(flow.steps, event.data)
      if (data === undefined) return
      if (isTooDeep(data)) throw new Error(TOO_DEEP)
      result = { ...event, data }
      const { key, time } = event
      this.#outputs.add(flow.name, { key, lane: flow.laneOf(data), time, json: encode(result) }, PLAIN)
    } catch (error) {
      this.bury(flow.name, event, error instanceof Error ? error.message : String(error))
      return
    }
    this.run(flow.name, result)
  }
}

/** @throws on data that is no JSON, such as a bigint that a map returned. */
function encode({ id, key, time, source, data }: EventBody): string {
  return encodeEvent(id, key, time, source, JSON.stringify(data))
}
