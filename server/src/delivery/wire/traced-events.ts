import type { TraceContext } from '@tidegate/protocol'
import type { Traces } from '../../tracing/index.ts'

/** Frames with one event that are recorded, of each gateway: an event may be for ten thousand clients, and these are alike. */
const MAX_FRAMES = 4
/** Events of one entry that are looked at. */
const MAX_EVENTS = 16

/** An entry, as far as it is looked at here. */
interface Source {
  readonly topic: string
  readonly partition: number
  readonly header: { readonly sampled: readonly number[] }
  jsonOf(index: number): string
}

interface TracedEvent extends Partial<TraceContext> {
  readonly index: number
  frames: number
}

/** The events of an entry whose trace is recorded, until they were delivered. */
export class TracedEvents {
  readonly topic: string
  readonly partition: number
  readonly #events: readonly TracedEvent[]

  private constructor(entry: Source) {
    this.topic = entry.topic
    this.partition = entry.partition
    this.#events = entry.header.sampled.slice(0, MAX_EVENTS).map((index) => {
      const { traceparent, tracestate } = JSON.parse(entry.jsonOf(index)) as Partial<TraceContext>
      return { index, frames: 0, ...(traceparent !== undefined && { traceparent, tracestate }) } as TracedEvent
    })
  }

  static of(entry: Source): TracedEvents | undefined {
    return entry.header.sampled.length === 0 ? undefined : new TracedEvents(entry)
  }

  /** Notes that a frame has some of the events. @param traces gets those of the first frames with them */
  written(picks: readonly number[], from: number, to: number, traces: Traces): void {
    for (const event of this.#events) {
      const at = picks.indexOf(event.index, from)
      if (at === -1 || at >= to || event.frames >= MAX_FRAMES) continue
      event.frames++
      traces.add(event)
    }
  }
}
