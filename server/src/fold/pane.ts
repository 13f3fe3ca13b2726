import { encodeEvent, type StoredEvent } from '../bus/index.ts'
import type { Pane, WindowTopic, WithdrawnPane } from '../config/contract/model.ts'
import type { Emission } from '../operators/index.ts'

/** One result of a window, for storage and for the window's readers. */
export interface EmittedResult {
  readonly id: string
  readonly data: Pane | WithdrawnPane
  readonly event: StoredEvent
}

/**
 * The id is derived from the pane's identity, so that recomputing it gives the same event. Its time is the window's
 * last ms.
 */
export function emitResult(topic: WindowTopic, emission: Emission): EmittedResult {
  const { key, start, end, revision } = emission
  const name = `${topic.name}/${key}/${start}/${revision}`
  const id = emission.kind === 'pane' ? name : `${name}/withdrawn`
  const data = dataOf(emission)
  const time = end - 1
  const json = encodeEvent(id, key, time, undefined, JSON.stringify(data))
  return { id, data, event: { key, lane: topic.lane, time, json } }
}

function dataOf(emission: Emission): Pane | WithdrawnPane {
  const { key, start, end, revision } = emission
  if (emission.kind === 'withdraw') return { key, start, end, revision, withdrawn: true }
  const { value, timing, final } = emission
  return { key, start, end, value, timing, revision, final }
}
