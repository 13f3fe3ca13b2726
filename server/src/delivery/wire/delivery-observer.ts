import { Traces } from '../../tracing/index.ts'
import type { Arrival } from './arrival.ts'
import type { Take } from './batch-frame.ts'
import type { TracedEvents } from './traced-events.ts'

/** Learns of what leaves for clients. Called for each frame: MUST be quick. */
export interface DeliveryObserver {
  /** A frame of live events was written, or one for several clients to the last of them. */
  onDelivered(sinceStoredMs: number, sinceSourceMs: number): void
  onGap(reason: string): void
  /** As `onDelivered`, of those among them that are part of traces. Absent: nobody records traces. */
  onTraced?(delivered: TracedDelivery, sinceStoredMs: number): void
}

export interface TracedDelivery {
  readonly traces: Traces
  readonly topic: string
  readonly partition: number
  /** Of the topic and partition in the frame. */
  readonly events: number
}

/** Reports the oldest events of a frame, of those that are live and wait for nothing but their turn. */
export function reportDelivered(takes: readonly Take[], now: number, observer: DeliveryObserver): void {
  let oldest: Arrival | undefined
  for (const take of takes) {
    const { arrival } = take.run
    if (arrival?.traced !== undefined) reportTraced(take, now - arrival.storedAt, arrival.traced, observer)
    if (arrival === undefined || take.run.lane.part.isPaced) continue
    if (oldest === undefined || arrival.storedAt < oldest.storedAt) oldest = arrival
  }
  if (oldest !== undefined) observer.onDelivered(now - oldest.storedAt, now - oldest.stampedAt)
}

function reportTraced(
  { run, to }: Take,
  sinceStoredMs: number,
  traced: TracedEvents,
  observer: DeliveryObserver,
): void {
  const traces = new Traces()
  traced.written(run.picks, run.next, to, traces)
  if (traces.isEmpty) return
  const { topic, partition } = traced
  observer.onTraced?.({ traces, topic, partition, events: to - run.next }, sinceStoredMs)
}
