import { Deferred } from '../application/deferred.ts'
import { TidegateError } from '../errors/errors.ts'
import type { PublishReceipt } from '../errors/publish-receipt.ts'

/** What became of the events that travelled in one frame: the error says why there is no answer. */
export type FrameOutcome = PublishReceipt | TidegateError

/** One call of `publish`, settled when each of its frames is. */
export class PublishCall extends Deferred<PublishReceipt> {
  /** Events in each of its frames. */
  readonly #sizes: readonly number[]
  readonly #outcomes: FrameOutcome[] = []
  #left: number

  constructor(sizes: readonly number[]) {
    super()
    this.#sizes = sizes
    this.#left = sizes.length
    if (this.#left === 0) this.#settle()
  }

  /** The first outcome of a frame counts: one that is lost and sent again has another. @param index of the frame in the call */
  settle(index: number, outcome: FrameOutcome): void {
    if (this.#outcomes[index] !== undefined) return
    this.#outcomes[index] = outcome
    if (--this.#left === 0) this.#settle()
  }

  #settle(): void {
    const result = resultOf(this.#outcomes, this.#sizes)
    if (result instanceof TidegateError) this.reject(result)
    else this.resolve(result)
  }
}

/**
 * Of a call whose frames ended like this: a receipt if any of its events was stored; otherwise an error with the code of
 * the first event that was refused, or why a frame has no answer.
 *
 * @param sizes events in each frame
 */
export function resultOf(outcomes: readonly FrameOutcome[], sizes: readonly number[]): FrameOutcome {
  const lost = outcomes.find((outcome) => outcome instanceof TidegateError)
  if (lost !== undefined && outcomes.length === 1) return lost
  const receipt = combined(outcomes, sizes)
  if (lost !== undefined) return new TidegateError(lost.code, lost.message, { cause: lost.cause, receipt })
  const [first] = receipt.rejected
  if (first === undefined) return receipt
  const events = sizes.reduce((sum, size) => sum + size, 0)
  if (receipt.rejected.length < events) return receipt
  const { code, message, path } = first
  // That of the data itself is empty.
  const what = path ? `${path}: ${message}` : message
  const text = events === 1 ? what : `None of ${events} events was stored. The first: ${what}`
  return new TidegateError(code, text, { path, receipt })
}

/** One receipt for several frames; indexes count through the whole call. */
function combined(outcomes: readonly FrameOutcome[], sizes: readonly number[]): PublishReceipt {
  const receipts = outcomes.map((outcome) => (outcome instanceof TidegateError ? NOTHING : outcome))
  const [only] = receipts
  if (only !== undefined && receipts.length === 1) return only
  let before = 0
  const rejected = receipts.flatMap((receipt, i) => {
    const shifted = receipt.rejected.map((event) => ({ ...event, index: event.index + before }))
    before += sizes[i]!
    return shifted
  })
  return {
    at: receipts.flatMap(({ at }) => at),
    rejected,
    duplicate: receipts.length > 0 && receipts.every(({ duplicate }) => duplicate),
  }
}

const NOTHING: PublishReceipt = { at: [], rejected: [], duplicate: false }
