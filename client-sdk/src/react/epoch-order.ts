import { comparePositions, type Position, parsePosition } from '@tidegate/protocol'
import type { AnyEvent } from './follow.ts'

/** The order of events over the epochs of their log. Their names say nothing, but the server tells of each in its turn. */
export class EpochOrder {
  /** `<partition> <epoch>`, in the order in which they were told. */
  readonly #told: string[] = []

  /** Where an event lies. Those that are fetched come late, others in their turn. */
  placeOf({ at, recovered }: AnyEvent & { readonly recovered?: true }): Position | undefined {
    return recovered === true ? parsePosition(at) : this.note(at)
  }

  /** A position that comes in its turn: of an event that was not withheld before, or of the end of a gap. */
  note(text: string): Position | undefined {
    const at = parsePosition(text)
    const name = at && nameOf(at)
    if (name !== undefined && !this.#told.includes(name)) this.#told.push(name)
    return at
  }

  /** Below 0 where the first position lies in an earlier epoch of its log, above 0 in a later one, 0 in the same one. */
  compareEpochs(one: Position, other: Position): number {
    return one.epoch === other.epoch ? 0 : this.#told.indexOf(nameOf(one)) - this.#told.indexOf(nameOf(other))
  }

  /** As `compareEpochs`, and within an epoch by their places. */
  compare(one: Position, other: Position): number {
    return this.compareEpochs(one, other) || comparePositions(one, other)
  }
}

const nameOf = ({ partition, epoch }: Position) => `${partition} ${epoch}`
