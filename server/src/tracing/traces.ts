import { isSampled, type TraceContext } from '@tidegate/protocol'

/** Traces that one piece of work is shown in: of a frame, a commit, or a record batch that is delivered. */
const MAX_TRACES = 16
/** Contexts of one trace that its span names beside the first. */
const MAX_LINKS = 16

/** The contexts of one trace that lead to the same work: its span is a child of the first, and linked to the others. */
export interface TraceOfWork {
  readonly parent: TraceContext
  readonly links: readonly TraceContext[]
}

/** Collects the traces of which work is a part, as far as they are recorded. */
export class Traces {
  readonly #byTrace = new Map<string, { readonly parent: TraceContext; readonly links: TraceContext[] }>()

  get isEmpty(): boolean {
    return this.#byTrace.size === 0
  }

  add(context: Partial<TraceContext>): void {
    if (!isTraced(context) || !isSampled(context)) return
    const { traceparent, tracestate } = context
    const name = traceparent.slice(TRACE_ID.from, TRACE_ID.to)
    const known = this.#byTrace.get(name)
    if (known === undefined) {
      if (this.#byTrace.size >= MAX_TRACES) return
      // Without what else the event has: it would be kept.
      const parent = { traceparent, ...(tracestate !== undefined && { tracestate }) }
      this.#byTrace.set(name, { parent, links: [] })
    } else if (known.links.length < MAX_LINKS && !isOf(known, traceparent)) known.links.push({ traceparent })
  }

  list(): readonly TraceOfWork[] {
    return [...this.#byTrace.values()]
  }
}

/** Where the id of the trace stands in a `traceparent`. */
const TRACE_ID = { from: 3, to: 35 }

function isTraced(context: Partial<TraceContext>): context is TraceContext {
  return context.traceparent !== undefined
}

function isOf({ parent, links }: TraceOfWork, traceparent: string): boolean {
  return parent.traceparent === traceparent || links.some((link) => link.traceparent === traceparent)
}
