import { type CommitOperation, encodeEvent, keys, type StoredEvent } from '../bus/index.ts'
import type { Pane, WindowTopic } from '../config/model.ts'
import { KeyedWindow, type WindowState } from '../operators/index.ts'
import { decodeWindowState, encodeWindowState, windowField } from './window-codec.ts'

/** Key of the panes of a window over all keys. */
export const ALL_KEYS = '*'

/** One pane ready for storage, with its data for the flows behind the window. */
export interface EmittedPane {
  readonly id: string
  readonly pane: Pane
  readonly event: StoredEvent
}

/** The stored event of one window result. */
export function paneEvent(topic: WindowTopic, result: Omit<Pane, 'end' | 'final'>): EmittedPane {
  const { sizeMs, allowedLatenessMs } = topic.spec
  const { key, start, value, revision } = result
  const pane: Pane = { key, start, end: start + sizeMs, value, revision, final: allowedLatenessMs === 0 }
  const time = pane.end - 1
  const id = `${topic.name}/${key}/${start}/${revision}`
  const json = encodeEvent(id, key, time, undefined, JSON.stringify(pane))
  return { id, pane, event: { key, lane: topic.lane, time, json } }
}

/** A keyed window of one partition, between the pure operator and what is stored of it. */
export class WindowStage {
  readonly topic: WindowTopic
  readonly operator: KeyedWindow
  readonly #storeKey: string

  constructor(topic: WindowTopic, partition: number) {
    this.topic = topic
    this.operator = new KeyedWindow(topic.spec)
    this.#storeKey = keys.window(partition, topic.name)
  }

  get storeKey(): string {
    return this.#storeKey
  }

  /** The group an event of this key belongs to. */
  groupOf(key: string): string {
    return key
  }

  /** Takes up to `limit` panes that are due. */
  takePanes(limit: number): EmittedPane[] {
    return this.operator.takeDue(limit).map(({ key, start, accumulator, revision }) => {
      const value = this.operator.aggregates.result(accumulator)
      return paneEvent(this.topic, { key, start, value, revision: revision - 1 })
    })
  }

  /** What must be written so that the stored state is the state now; forgets at most `limit` states. */
  takeWrites(limit: number): CommitOperation[] {
    const forgotten = this.operator.takeForgotten(limit)
    const dirty: WindowState[] = this.operator.takeDirty()
    const operations: CommitOperation[] = []
    if (dirty.length > 0) operations.push({ op: 'set', key: this.#storeKey, fields: dirty.map(encodeWindowState) })
    if (forgotten.length > 0) operations.push({ op: 'delete', key: this.#storeKey, fields: forgotten.map(windowField) })
    return operations
  }

  restore(watermark: number, fields: Iterable<readonly [string, string]>): void {
    this.operator.restoreWatermark(watermark)
    for (const [field, value] of fields) this.operator.restore(decodeWindowState(field, value))
  }
}
