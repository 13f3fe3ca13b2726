import type { EventBody } from '../bus/index.ts'
import type { WindowOperator } from '../operators/index.ts'
import { EarlyInterval } from './early-interval.ts'
import { dataOf } from './narrow-event.ts'
import { type EmittedResult, emitResult } from './pane.ts'
import type { StoredWindow } from './stored-window.ts'

/** A window per key: this partition has all events of its keys, so it emits the panes itself. */
export class KeyedStage {
  readonly kind = 'keyed'
  readonly window: StoredWindow<WindowOperator>
  readonly #early: EarlyInterval

  constructor(window: StoredWindow<WindowOperator>) {
    this.window = window
    this.#early = new EarlyInterval(window.topic.spec.emitEveryMs)
  }

  groupOf({ key }: EventBody): string {
    return key
  }

  add(group: string, event: EventBody): 'added' | 'late' | 'full' | 'none' {
    return this.window.operator.add(group, event.time, dataOf(event))
  }

  /** Early panes of windows that have them become due once per interval of the clock. */
  tick(now: number): void {
    if (this.#early.enters(now)) this.window.operator.flush()
  }

  takeResults(limit: number): EmittedResult[] {
    const { topic, operator } = this.window
    return operator.take(limit).map((emission) => emitResult(topic, emission))
  }
}
