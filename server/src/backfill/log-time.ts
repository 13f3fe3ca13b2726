import type { PartitionFold } from '../fold/index.ts'

/** A live worker polls at least this often, and inputs become idle between two polls. */
const LOOK_EVERY_MS = 1_000

/**
 * The clock of a fold over the past is the append time of entries: where a live worker would have found the logs empty,
 * this fold does too, so that pauses close the same windows.
 */
export class LogTime {
  #lookedAt: number | undefined
  /** Topics with entries since. */
  readonly #busy = new Set<string>()

  /** @param startMs append time up to which the logs are folded; absent before the first entry. */
  constructor(startMs: number | undefined) {
    this.#lookedAt = startMs
  }

  /** Nothing more was appended before `ms`. */
  advanceTo(fold: PartitionFold, ms: number): void {
    this.#lookedAt ??= ms
    while (ms - this.#lookedAt > LOOK_EVERY_MS) this.#look(fold, this.#lookedAt + LOOK_EVERY_MS)
  }

  /** An entry was folded. */
  saw(topic: string): void {
    this.#busy.add(topic)
  }

  #look(fold: PartitionFold, ms: number): void {
    this.#lookedAt = ms
    fold.readToEnd(ms, NONE)
    fold.polledEmpty(ms, this.#busy)
    this.#busy.clear()
  }
}

const NONE: ReadonlySet<string> = new Set()
