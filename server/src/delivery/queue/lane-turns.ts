import type { Gap } from './gap.ts'
import type { LaneQueue } from './lane-queue.ts'
import type { Run } from './run.ts'

/** What frames are planned from: one lane of a session. */
export interface TakeableLane {
  /** Bytes of the events that may be taken now. */
  readonly takeableBytes: number
  /** Runs in the order in which they are to be taken. */
  takeable(): Iterable<Run>
}

/** One lane of a session: the queues of its subscriptions that have something waiting, in turn. */
export class SessionLane implements TakeableLane {
  readonly #queues: LaneQueue[] = []

  get queues(): readonly LaneQueue[] {
    return this.#queues
  }

  get isEmpty(): boolean {
    return this.#queues.length === 0
  }

  get takeableBytes(): number {
    let bytes = 0
    for (const queue of this.#queues) bytes += queue.takeableBytes
    return bytes
  }

  /** Something was pushed to the queue. */
  activate(queue: LaneQueue): void {
    if (!this.#queues.includes(queue)) this.#queues.push(queue)
  }

  /** Leaves out the queues that have become empty. To be called when something left them. */
  settle(): void {
    let kept = 0
    for (const queue of this.#queues) if (!queue.isEmpty) this.#queues[kept++] = queue
    while (this.#queues.length > kept) this.#queues.pop()
  }

  /** Lets another subscription come first in the next frame. */
  rotate(): void {
    if (this.#queues.length > 1) this.#queues.push(this.#queues.shift()!)
  }

  /** The next gap to be told, and the queue to confirm it to. */
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
