import type { EventBody } from '../bus/index.ts'
import type { Pane } from '../config/model.ts'
import { type EmittedPane, emitPane } from './pane.ts'
import type { StoredWindow } from './stored-window.ts'

/** A window per key: this partition has all events of its keys, so it emits the panes itself. */
export class WindowStage {
  readonly window: StoredWindow

  constructor(window: StoredWindow) {
    this.window = window
  }

  add({ key, time, data }: EventBody): 'added' | 'late' {
    return this.window.operator.add(key, time, data as Record<string, unknown>)
  }

  takePanes(limit: number): EmittedPane[] {
    const { topic, operator } = this.window
    return operator.takeDue(limit).map(({ key, start, accumulator, revision }) => {
      const value: Pane['value'] = operator.aggregates.result(accumulator)
      return emitPane(topic, { key, start, value, revision: revision - 1, final: operator.isForgotten(start) })
    })
  }
}
