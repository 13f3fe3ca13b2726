import { ProgressLine } from '../terminal/progress-line.ts'
import { bytesText } from '../terminal/units.ts'

/** Soon done, nobody needs to see how far it is. */
const QUIET_MS = 500
/** A terminal is not written to for every piece. */
const EVERY_MS = 100

/** Says on standard error how many bytes were moved, and how fast. */
export class TransferLine {
  readonly #line = new ProgressLine(process.stderr, QUIET_MS)
  readonly #startedAt = performance.now()
  #shownAt = 0

  /** @param total bytes, where that is known */
  show(what: string, bytes: number, total?: number): void {
    const now = performance.now()
    if (now - this.#shownAt < EVERY_MS) return
    this.#shownAt = now
    const share =
      total === undefined || total === 0 ? '' : ` of ${bytesText(total)} (${Math.floor((bytes / total) * 100)} %)`
    const perSecond = (bytes / Math.max(1, now - this.#startedAt)) * 1_000
    this.#line.show(`${what}: ${bytesText(bytes)}${share}, ${bytesText(perSecond)}/s`)
  }

  end(): void {
    this.#line.end()
  }
}
