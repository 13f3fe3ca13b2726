import type { Spans } from '../tracing/index.ts'
import type { DeliveryObserver } from './wire/index.ts'

/** Records, beside what the other observer does, how long events of traces took from the log to a socket. */
export function withDeliverySpans(observer: DeliveryObserver, spans: Spans): DeliveryObserver {
  return {
    onDelivered: (sinceStoredMs, sinceSourceMs) => observer.onDelivered(sinceStoredMs, sinceSourceMs),
    onGap: (reason) => observer.onGap(reason),
    onTraced: ({ traces, topic, partition, events }, sinceStoredMs) =>
      spans.record(traces, {
        name: `deliver ${topic}`,
        kind: 'producer',
        durationMs: sinceStoredMs,
        attributes: {
          'messaging.operation.name': 'deliver',
          'messaging.destination.name': topic,
          'messaging.destination.partition.id': String(partition),
          'messaging.batch.message_count': events,
        },
      }),
  }
}
