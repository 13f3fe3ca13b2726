import { type Spans, Traces } from '../tracing/index.ts'
import type { EventTraces } from './event-traces.ts'
import type { PublishOutcome } from './publish-outcome.ts'

interface TracedRequest {
  readonly topic: string
  readonly events: { readonly length: number }
  readonly traces: EventTraces
}

/** Takes the answer of a request, and records how long that took in the traces that its events come from. */
export function appendSpan(
  spans: Spans,
  { topic, events, traces: contexts }: TracedRequest,
  answer: (outcome: PublishOutcome) => void,
): (outcome: PublishOutcome) => void {
  const traces = new Traces()
  for (const context of contexts.sampled()) traces.add(context)
  if (traces.isEmpty) return answer
  const startedAt = performance.now()
  const count = events.length
  return (outcome) => {
    answer(outcome)
    spans.record(traces, {
      name: `append ${topic}`,
      kind: 'server',
      durationMs: performance.now() - startedAt,
      attributes: {
        'messaging.operation.name': 'append',
        'messaging.destination.name': topic,
        'messaging.batch.message_count': count,
      },
      error: outcome.kind === 'reject' ? outcome.code : undefined,
    })
  }
}
