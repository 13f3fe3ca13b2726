import type { RejectedEvent, TraceContext } from '@tidegate/protocol'
import type { RequestItem } from './request-item.ts'

/** The events of one topic, with their places in the request. */
export interface TopicGroup {
  readonly topic: string
  readonly indexes: number[]
  readonly events: unknown[]
  readonly traces: (TraceContext | undefined)[]
}

/** @param trace of events that do not say where they come from */
export function byTopic(items: readonly RequestItem[], trace?: TraceContext): TopicGroup[] {
  const groups = new Map<string, TopicGroup>()
  items.forEach((item, index) => {
    if (item.kind === 'refused') return
    const { topic, event } = item
    const group = groups.get(topic) ?? { topic, indexes: [], events: [], traces: [] }
    groups.set(topic, group)
    group.indexes.push(index)
    group.events.push(event)
    group.traces.push(item.trace ?? trace)
  })
  return [...groups.values()]
}

/** Refusals of a group's events with their indexes in the request. */
export function inRequest(group: TopicGroup, rejected: readonly RejectedEvent[]): RejectedEvent[] {
  return rejected.map((event) => ({ ...event, index: group.indexes[event.index]! }))
}
