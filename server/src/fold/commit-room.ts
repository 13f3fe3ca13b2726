import type { EntityPart } from './entity-part.ts'
import type { OutputBuffer } from './output-buffer.ts'
import type { PartitionWindows } from './partition-windows.ts'
import { MAX_PARTIALS } from './report-stage.ts'

/**
 * Writes of one commit: 5 to 7 ms of Redis (docs/adr/0001). A single record batch may exceed it: an offset names whole
 * batches.
 */
export const MAX_WRITES = 4_000
/**
 * Characters of one commit, but for states of windows: with those of 1,000 keys it stays below 256 KiB. It ends behind the
 * command, or the record batch of events, that exceeds it.
 */
const MAX_SIZE = 192 * 1_024
/** Source events of one commit. */
const MAX_EVENTS = 20_000
/** A partial is one, and changes a state. */
const WRITES_PER_REPORT = 2 * MAX_PARTIALS
/** A pane is an event, a latest result and a state. */
const WRITES_PER_PANE = 3
/** Writes beside answers for which these do not wait: with more, they are stored alone. */
const MAX_BESIDE_ANSWERS = 200

/** How much the next commit holds already, and what it still has room for. */
export class CommitRoom {
  readonly #windows: Pick<PartitionWindows, 'dirtyCount' | 'dueCount'>
  readonly #outputs: Pick<OutputBuffer, 'writes' | 'size'>
  readonly #entities: EntityPart
  #events = 0

  constructor(
    windows: Pick<PartitionWindows, 'dirtyCount' | 'dueCount'>,
    outputs: Pick<OutputBuffer, 'writes' | 'size'>,
    entities: EntityPart,
  ) {
    this.#windows = windows
    this.#outputs = outputs
    this.#entities = entities
  }

  /** Whether a batch fits that changes at most so many states. An empty commit has room for any. */
  hasForBatch(events: number, states: number): boolean {
    const { writes } = this
    if (this.#events === 0 && writes === 0) return true
    return this.#events + events <= MAX_EVENTS && writes + states <= MAX_WRITES && this.#size <= MAX_SIZE
  }

  /** Whether one more command fits. @param isApart whether answers are stored without the rest */
  hasForCommand(isApart: boolean): boolean {
    const { writes, size } = isApart ? this.#entities : { writes: this.writes, size: this.#size }
    return writes < MAX_WRITES && size < MAX_SIZE
  }

  /** Whether one more report of another partition fits. */
  get hasForReport(): boolean {
    return this.left >= WRITES_PER_REPORT
  }

  /** How many panes fit. */
  get panes(): number {
    return Math.floor(this.left / WRITES_PER_PANE)
  }

  /** How many writes fit. */
  get left(): number {
    return MAX_WRITES - this.writes
  }

  /** Whether so much waits beside answers that it would hold them up. */
  get isFullBesideAnswers(): boolean {
    return this.#windows.dueCount > 0 || this.#outputs.writes + this.#windows.dirtyCount > MAX_BESIDE_ANSWERS
  }

  /** Source events were folded. */
  take(events: number): void {
    this.#events += events
  }

  /** The next commit begins: nothing was folded for it yet. */
  begin(): void {
    this.#events = 0
  }

  get writes(): number {
    return this.#outputs.writes + this.#windows.dirtyCount + this.#entities.writes
  }

  get #size(): number {
    return this.#outputs.size + this.#entities.size
  }
}
