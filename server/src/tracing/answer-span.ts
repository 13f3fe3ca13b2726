import type { TraceContext } from '@tidegate/protocol'
import type { Spans, Work } from './spans.ts'
import { Traces } from './traces.ts'

/**
 * Takes the answer of a request, and records how long that took in the traces that the request comes from.
 *
 * @param errorOf code of an answer that is none
 */
export function answerSpan<Given extends readonly unknown[]>(
  spans: Spans,
  contexts: readonly TraceContext[],
  work: Pick<Work, 'name' | 'attributes'>,
  answer: (...given: Given) => void,
  errorOf: (...given: Given) => string | undefined,
): (...given: Given) => void {
  const traces = new Traces()
  for (const context of contexts) traces.add(context)
  if (traces.isEmpty) return answer
  const startedAt = performance.now()
  return (...given) => {
    answer(...given)
    spans.record(traces, {
      ...work,
      kind: 'server',
      durationMs: performance.now() - startedAt,
      error: errorOf(...given),
    })
  }
}
