import type { LogEntry } from '../bus/index.ts'

/** An owner that lags further is not given more: what it has already takes it longer than a takeover may leave behind. */
const MAX_LAG_MS = 250
/** How long a report counts: an owner that lags gives one with each commit, and one that has handled everything gives none. */
const REPORT_MS = 250

/** How far the owner of a partition lags behind its log of commands, as the log of answers says. */
export class OwnerLag {
  readonly #monotonic: () => number
  #lagMs = 0
  #heardAt = 0

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** @param entry of the log of answers: its watermark is when the newest command handled was stored, while others wait */
  heard({ streamId, watermark }: LogEntry): void {
    this.#lagMs = watermark === undefined ? 0 : Number.parseInt(streamId, 10) - watermark
    this.#heardAt = this.#monotonic()
  }

  get isTooLong(): boolean {
    return this.#lagMs > MAX_LAG_MS && this.#monotonic() - this.#heardAt < REPORT_MS
  }
}
