import { parsePosition } from '@tidegate/protocol'
import type { FrameHandlers, Part } from './part.ts'
import type { StatusValue } from './status-store.ts'

/** Whoever listens is not called for every event. */
const REPORT_MS = 1_000
/** Less than this is how a network always varies. */
const STEP_MS = 100

/** How long the newest event took from when it was stored until it was here, for the status. */
export class Lag implements Part {
  readonly frames: FrameHandlers = {
    batch: ({ parts }) => {
      // What a snapshot shows may have been stored long ago.
      const at = parts.findLast(({ snapshot }) => snapshot === undefined)?.events.at(-1)?.at
      if (at !== undefined) this.#arrived(at)
    },
  }
  readonly #status: StatusValue
  readonly #now: () => number
  #newest: { readonly at: string; readonly now: number } | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param now the time of the server */
  constructor(status: StatusValue, now: () => number) {
    this.#status = status
    this.#now = now
  }

  offline(): void {
    this.end()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#newest = undefined
  }

  #arrived(at: string): void {
    this.#newest = { at, now: this.#now() }
    if (this.#timer === undefined) this.#report()
  }

  #report(): void {
    if (this.#newest === undefined) {
      this.#timer = undefined
      return
    }
    const { at, now } = this.#newest
    this.#newest = undefined
    this.#timer = setTimeout(() => this.#report(), REPORT_MS)
    const streamId = parsePosition(at)?.streamId
    if (streamId === undefined) return
    const lagMs = Math.max(0, now - Number.parseInt(streamId, 10))
    const before = this.#status.get().lagMs
    if (before !== undefined && Math.abs(lagMs - before) < STEP_MS) return
    this.#status.set({ ...this.#status.get(), lagMs })
    this.#status.tell()
  }
}
