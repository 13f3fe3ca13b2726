import type { TakeableLane } from './frame-plan.ts'
import type { Gap } from './gap.ts'
import type { LaneQueue, Turns } from './lane-queue.ts'
import type { Run } from './run.ts'

/** One lane of a subscriber: the queues with waiting events take turns, but for paused ones. They join and leave by themselves. */
export class LaneTurns implements Turns, TakeableLane {
  readonly #queues: LaneQueue[] = []

  get isEmpty(): boolean {
    return this.#queues.length === 0
  }

  get takeableBytes(): number {
    let bytes = 0
    for (const queue of this.#queues) bytes += queue.takeableBytes
    return bytes
  }

  join(queue: LaneQueue): void {
    this.#queues.push(queue)
  }

  leave(queue: LaneQueue): void {
    this.#queues.splice(this.#queues.indexOf(queue), 1)
  }

  /** Moves the first subscription to the end for the next frame. */
  rotate(): void {
    if (this.#queues.length > 1) this.#queues.push(this.#queues.shift()!)
  }

  /** The next due gap, with the queue that must be told when it is sent. */
  dueGap(): { readonly gap: Gap; readonly queue: LaneQueue } | undefined {
    for (const queue of this.#queues) {
      const gap = queue.dueGap()
      if (gap !== undefined) return { gap, queue }
    }
    return undefined
  }

  *takeable(): Iterable<Run> {
    for (const queue of this.#queues) yield* queue.takeable()
  }
}
