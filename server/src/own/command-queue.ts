import type { LogEntry } from '../bus/index.ts'
import { commandOf, type EntityFold, MAX_CHUNK } from '../entities/index.ts'
import { commandOffset, decodeBatch, foldedOf, msOf, type PlacedCommand } from '../fold/index.ts'
import type { EntityLoader } from './entity-loader.ts'

/** Commands whose needs are loaded in one go. */
const LOAD_COUNT = 16 * MAX_CHUNK

/** Commands that are read and not folded, in log order. */
export class CommandQueue {
  readonly #loader: EntityLoader
  #waiting: PlacedCommand[] = []
  /** How many of them have their needs loaded. */
  #loaded = 0

  constructor(loader: EntityLoader) {
    this.#loader = loader
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Takes what is left of a record batch. @param offset up to where commands are folded */
  add(entry: LogEntry, offset: string | undefined): void {
    const { streamId, events } = decodeBatch(entry)
    const storedAt = msOf(streamId)
    for (let index = foldedOf(streamId, offset); index < events.length; index++) {
      this.#waiting.push({ command: commandOf(events[index]!, storedAt), offset: commandOffset(streamId, index) })
    }
  }

  /** Loads what the next ones touch, unless it is. @throws BusUnavailable */
  async load(fold: EntityFold): Promise<void> {
    if (this.#loaded > 0) return
    const next = this.#waiting.slice(0, LOAD_COUNT)
    await this.#loader.load(
      fold,
      next.map(({ command }) => command),
    )
    this.#loaded = next.length
  }

  /** Some commands whose needs are loaded. At least one, after `load`. */
  take(): readonly PlacedCommand[] {
    const taken = this.#waiting.splice(0, Math.min(MAX_CHUNK, this.#loaded))
    this.#loaded -= taken.length
    return taken
  }
}
