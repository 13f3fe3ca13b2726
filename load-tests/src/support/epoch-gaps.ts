import type { Gap } from '@tidegate/client/node'
import { comparePositions, type Lane, type Position, parsePosition } from '@tidegate/protocol'

/**
 * The gaps of reason `epoch` that a subscription to one topic received. Behind one, events delivered before may come
 * again: Redis had lost them. A gap arrives ahead of events that wait for an iterator, so positions decide what came
 * before it.
 */
export class EpochGaps {
  /** By partition and lane, where each gap begins; `undefined`: at the beginning of the log. */
  readonly #begins = new Map<string, (Position | undefined)[]>()

  take({ reason, lane, after, upTo }: Gap): void {
    if (reason !== 'epoch') return
    const name = `${parsePosition(upTo)!.partition} ${lane}`
    const begins = this.#begins.get(name) ?? []
    this.#begins.set(name, [...begins, after === undefined ? undefined : parsePosition(after)!])
  }

  /** How many of them lie before an event. */
  before(at: Position, lane: Lane): number {
    const begins = this.#begins.get(`${at.partition} ${lane}`) ?? []
    return begins.filter((begin) => begin === undefined || comparePositions(at, begin) > 0).length
  }
}
