import { encodeEvent, type StoredEvent } from '../bus/index.ts'
import type { Pane, WindowTopic } from '../config/model.ts'

/** Key of the panes of a window over all keys. */
export const ALL_KEYS = '*'

/** One result of a window, ready for storage and for the flows behind the window. */
export interface EmittedPane {
  readonly id: string
  readonly pane: Pane
  readonly event: StoredEvent
}

/** The id follows from what the pane is, so that computing it again gives the same event. Its time is the window's last ms. */
export function emitPane(topic: WindowTopic, result: Omit<Pane, 'end'>): EmittedPane {
  const { key, start, value, revision, final } = result
  const pane: Pane = { key, start, end: start + topic.spec.sizeMs, value, revision, final }
  const id = `${topic.name}/${key}/${start}/${revision}`
  const time = pane.end - 1
  const json = encodeEvent(id, key, time, undefined, JSON.stringify(pane))
  return { id, pane, event: { key, lane: topic.lane, time, json } }
}
