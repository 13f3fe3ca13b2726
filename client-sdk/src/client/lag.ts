import { parsePosition } from '@tidegate/protocol'
import type { StatusValue } from '../connection/status-store.ts'
import type { FrameHandlers, Part } from '../frames/part.ts'

/** Whoever listens is not called for every event. */
const REPORT_MS = 1_000
/** Less than this is how a network always varies. */
const STEP_MS = 100

/** How long the newest event took from when it was stored until it was here, for the status. */
export class Lag implements Part {
  readonly frames: FrameHandlers = {
    batch: ({ parts }) => {
      for (let i = parts.length; i-- > 0; ) {
        const { snapshot, events } = parts[i]!
        // What a snapshot shows may have been stored long ago.
        if (snapshot === undefined && events.length > 0) return this.#arrived(events[events.length - 1]!.at)
      }
    },
  }
  readonly #status: StatusValue
  readonly #timeAt: (monotonic: number) => number
  /** Position of the newest event, and when it came. */
  #newest: string | undefined
  #arrivedAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param timeAt the time of the server at a moment of the monotonic clock */
  constructor(status: StatusValue, timeAt: (monotonic: number) => number) {
    this.#status = status
    this.#timeAt = timeAt
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
    this.#newest = at
    this.#arrivedAt = performance.now()
    if (this.#timer === undefined) this.#report()
  }

  #report(): void {
    const newest = this.#newest
    this.#newest = undefined
    this.#timer = newest === undefined ? undefined : setTimeout(() => this.#report(), REPORT_MS)
    const streamId = newest && parsePosition(newest)?.streamId
    if (!streamId) return
    const lagMs = Math.max(0, this.#timeAt(this.#arrivedAt) - Number.parseInt(streamId, 10))
    const before = this.#status.get().lagMs
    if (before !== undefined && Math.abs(lagMs - before) < STEP_MS) return
    this.#status.set({ ...this.#status.get(), lagMs })
    this.#status.tell()
  }
}
