import type { TopicCounts } from '@tidegate/protocol'
import type { Part } from './part.ts'
import { countsOf, isNone, moveWithheld, noneWithheld, type Withheld } from './withheld.ts'

/** Events withheld in favour of others that no event or gap will report, summed up for a frame. */
export class WithheldByPart {
  readonly #counts = new Map<Part, Withheld>()

  /** Takes over the trailing count of a lane. */
  take({ part, trailing }: { readonly part: Part; readonly trailing: Withheld }): void {
    if (isNone(trailing)) return
    let sum = this.#counts.get(part)
    if (sum === undefined) {
      sum = noneWithheld()
      this.#counts.set(part, sum)
    }
    moveWithheld(trailing, sum)
  }

  /** As in a frame: absent when there are none. */
  toField(): { readonly counts?: TopicCounts[] } {
    if (this.#counts.size === 0) return {}
    return { counts: [...this.#counts].map(([{ topic, lane }, sum]) => ({ topic, lane, ...countsOf(sum) })) }
  }
}
