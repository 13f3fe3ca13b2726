import { isSampled, LIMITS, readTraceContext, type TraceContext } from '@tidegate/protocol'
import { traceMembers } from '../bus/index.ts'
import { isRecord } from '../json-fields.ts'

/** A trace context, and what is stored of it with an event: members of its JSON, ASCII. */
interface StoredContext {
  readonly context: TraceContext
  readonly json: string
  readonly isSampled: boolean
}

/** The trace contexts of the events of a frame. What is malformed is as good as none: it never refuses an event. */
export class EventTraces {
  /** By the index of the event; the last one is of all that follow. */
  readonly #contexts: readonly (StoredContext | undefined)[]

  private constructor(contexts: readonly (StoredContext | undefined)[]) {
    this.#contexts = contexts
  }

  /** @param trace of a `publish` frame, unchecked. @returns `undefined` where no event has a context */
  static ofFrame(trace: unknown): EventTraces | undefined {
    if (!Array.isArray(trace)) return undefined
    const contexts: (StoredContext | undefined)[] = []
    for (const part of trace) {
      const { from = 0, traceparent, tracestate } = isRecord(part) ? part : {}
      if (!Number.isSafeInteger(from) || (from as number) < contexts.length - 1) continue
      if ((from as number) >= LIMITS.frameEvents) break
      while (contexts.length < (from as number)) contexts.push(contexts.at(-1))
      contexts[from as number] = stored(readTraceContext(traceparent, tracestate))
    }
    return contexts.some((context) => context !== undefined) ? new EventTraces(contexts) : undefined
  }

  /** @param contexts one for each event. @returns `undefined` where no event has one */
  static ofEach(contexts: readonly (TraceContext | undefined)[]): EventTraces | undefined {
    return contexts.some((context) => context !== undefined) ? new EventTraces(contexts.map(stored)) : undefined
  }

  /** Members for the JSON of an event, as `encodeEvent` takes them. */
  json(index: number): string {
    return this.#at(index)?.json ?? ''
  }

  isSampled(index: number): boolean {
    return this.#at(index)?.isSampled === true
  }

  /** Those of which the trace is recorded, each once. */
  sampled(): TraceContext[] {
    const contexts = new Set<TraceContext>()
    for (const one of this.#contexts) if (one?.isSampled) contexts.add(one.context)
    return [...contexts]
  }

  #at(index: number): StoredContext | undefined {
    return this.#contexts[Math.min(index, this.#contexts.length - 1)]
  }
}

function stored(context: TraceContext | undefined): StoredContext | undefined {
  return context && { context, json: traceMembers(context), isSampled: isSampled(context) }
}
