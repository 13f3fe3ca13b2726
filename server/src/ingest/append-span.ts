import { answerSpan, type Spans } from '../tracing/index.ts'
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
  { topic, events, traces }: TracedRequest,
  answer: (outcome: PublishOutcome) => void,
): (outcome: PublishOutcome) => void {
  const attributes = {
    'messaging.operation.name': 'append',
    'messaging.destination.name': topic,
    'messaging.batch.message_count': events.length,
  }
  return answerSpan(spans, traces.sampled(), { name: `append ${topic}`, attributes }, answer, (outcome) =>
    outcome.kind === 'reject' ? outcome.code : undefined,
  )
}
