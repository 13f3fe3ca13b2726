import { idleWatermark } from './idle-watermark.ts'

/** The watermark after the end of all input, ms. */
export const END_OF_TIME = Number.MAX_SAFE_INTEGER

interface Source {
  /** Largest event time seen, ms. */
  maxTime: number
  /** The source's own promise, ms. */
  promised: number
  idle: boolean
}

export interface StoredWatermarks {
  readonly value: number | null
  readonly clock: number | null
  readonly allIdleSince: number | null
  readonly sources: readonly (readonly [name: string, maxTime: number | null, promised: number | null, idle: boolean])[]
}

/**
 * The watermark over several sources, each with its own clock: the least of what the active ones allow, never moving
 * back. A source allows its largest event time less the out-of-orderness, or its promise; an idle one holds nobody
 * back. With all idle it is the largest time seen, then advances with the clock (`idleWatermark`).
 */
export class Watermarks {
  /** `undefined`: event times promise nothing; only `promise` moves time. */
  readonly #outOfOrdernessMs: number | undefined
  readonly #sources: Map<string, Source>
  #value: number
  #clock: number | undefined
  /** Clock when the last source went idle. */
  #allIdleSince: number | undefined

  constructor(outOfOrdernessMs: number | undefined, stored?: StoredWatermarks) {
    this.#outOfOrdernessMs = outOfOrdernessMs
    this.#value = stored?.value ?? Number.NEGATIVE_INFINITY
    this.#clock = stored?.clock ?? undefined
    this.#allIdleSince = stored?.allIdleSince ?? undefined
    this.#sources = new Map(
      (stored?.sources ?? []).map(([name, maxTime, promised, idle]) => [
        name,
        { maxTime: maxTime ?? Number.NEGATIVE_INFINITY, promised: promised ?? Number.NEGATIVE_INFINITY, idle },
      ]),
    )
  }

  /** -Infinity before anything is known. */
  get value(): number {
    return this.#value
  }

  observe(source: string, time: number): void {
    const state = this.#sourceOf(source)
    if (time > state.maxTime) state.maxTime = time
    this.#wake(state)
  }

  /** "No event of this source before `time` is expected"; without a source, none of any known source. */
  promise(time: number, source?: string): void {
    const sources = source === undefined ? [...this.#sources.values()] : [this.#sourceOf(source)]
    if (sources.length === 0) sources.push(this.#sourceOf(''))
    for (const state of sources) {
      if (time > state.promised) state.promised = time
      this.#wake(state)
    }
  }

  /** The source has no input for now; without a source, none of the known ones has. */
  setIdle(source?: string): void {
    const sources = source === undefined ? [...this.#sources.values()] : [this.#sourceOf(source)]
    for (const state of sources) state.idle = true
    if (this.#isAllIdle()) this.#allIdleSince ??= this.#clock
  }

  /** The wall clock, ms, while the sources are polled. */
  setClock(now: number): void {
    this.#clock = now
    if (this.#isAllIdle()) this.#allIdleSince ??= now
  }

  /** No more input comes. */
  end(): void {
    this.#value = END_OF_TIME
  }

  /** Updates and returns the value. */
  advance(): number {
    const allowed = this.#allowed()
    if (allowed > this.#value) this.#value = allowed
    return this.#value
  }

  store(): StoredWatermarks {
    return {
      value: finite(this.#value),
      clock: this.#clock ?? null,
      allIdleSince: this.#allIdleSince ?? null,
      sources: [...this.#sources].map(([name, { maxTime, promised, idle }]) => [
        name,
        finite(maxTime),
        finite(promised),
        idle,
      ]),
    }
  }

  #allowed(): number {
    let least = Number.POSITIVE_INFINITY
    let latest = Number.NEGATIVE_INFINITY
    for (const { maxTime, promised, idle } of this.#sources.values()) {
      const seen = this.#outOfOrdernessMs === undefined ? Number.NEGATIVE_INFINITY : maxTime
      latest = Math.max(latest, promised, seen)
      if (!idle) least = Math.min(least, Math.max(promised, seen - (this.#outOfOrdernessMs ?? 0)))
    }
    if (!this.#isAllIdle()) return least === Number.POSITIVE_INFINITY ? latest : least
    // Event times promise nothing, so neither does the clock.
    if (this.#outOfOrdernessMs === undefined) return latest
    if (this.#clock === undefined) return latest
    const idleMs = Math.max(0, this.#clock - (this.#allIdleSince ?? this.#clock))
    return idleWatermark(latest, idleMs, this.#clock, this.#outOfOrdernessMs)
  }

  #isAllIdle(): boolean {
    return this.#sources.size > 0 && [...this.#sources.values()].every(({ idle }) => idle)
  }

  #wake(source: Source): void {
    source.idle = false
    this.#allIdleSince = undefined
  }

  #sourceOf(name: string): Source {
    let source = this.#sources.get(name)
    if (source === undefined) {
      source = { maxTime: Number.NEGATIVE_INFINITY, promised: Number.NEGATIVE_INFINITY, idle: false }
      this.#sources.set(name, source)
    }
    return source
  }
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null
}
