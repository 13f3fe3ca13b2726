import { compareStreamIds } from '@tidegate/protocol'
import type { LogEntry } from '../bus/index.ts'
import { type Command, commandOf, type EntityFold, MAX_CHUNK } from '../entities/index.ts'
import { commandOffset, decodeBatch, foldedOf, msOf, type OnUnreadable, type PlacedCommand } from '../fold/index.ts'
import type { EntityLoader } from './entity-loader.ts'

/** Commands whose needs are loaded in one go. */
const LOAD_COUNT = 16 * MAX_CHUNK

/**
 * Commands of one entity in one read, without those that follow from events: nobody sends these again. More come only from
 * many gateways together, or from clients that ignore their refusals.
 */
const MAX_OF_ENTITY = 1_000

/** Commands that are read and not folded, in log order. */
export class CommandQueue {
  readonly #loader: Pick<EntityLoader, 'load'>
  readonly #onUnreadable: OnUnreadable
  #waiting: PlacedCommand[] = []
  /** How many of them have their needs loaded. */
  #loaded = 0
  /** How many are folded together: fewer where the last ones had no room in their commit, or took too long. */
  #chunk = MAX_CHUNK
  /** The look at what they need that they were loaded for. */
  #look: number | undefined
  /** What was begun ahead. */
  #loading: Promise<void> | undefined
  /** How many of each entity were read since there were none. */
  readonly #ofEntity = new Map<string, number>()
  #readTo: string | undefined

  constructor(loader: Pick<EntityLoader, 'load'>, onUnreadable: OnUnreadable) {
    this.#loader = loader
    this.#onUnreadable = onUnreadable
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** The last entry taken: reads continue behind it, whatever of it is not folded yet. `undefined` before the first. */
  get readTo(): string | undefined {
    return this.#readTo
  }

  /** Whether more may be read: what waits is loaded in one go. */
  get hasRoom(): boolean {
    return this.#waiting.length < LOAD_COUNT
  }

  get size(): number {
    return this.#waiting.length
  }

  /**
   * Takes what is left of a record batch, unless it was taken before: a look for commands may have been made beside a
   * read.
   *
   * @param offset up to where commands are folded
   */
  add(entry: LogEntry, offset: string | undefined): void {
    if (this.#readTo !== undefined && compareStreamIds(entry.streamId, this.#readTo) <= 0) return
    const { streamId, events } = decodeBatch(entry, this.#onUnreadable)
    this.#readTo = streamId
    const storedAt = msOf(streamId)
    for (let index = foldedOf(streamId, offset); index < events.length; index++) {
      const command = commandOf(events[index]!, storedAt)
      const isExcess = command.cause === undefined && this.#count(command) > MAX_OF_ENTITY
      const placed = isExcess ? { ...command, isExcess } : command
      this.#waiting.push({ command: placed, offset: commandOffset(streamId, index) })
    }
  }

  #count({ entity, key }: Command): number {
    const subject = `${entity} ${key}`
    const count = (this.#ofEntity.get(subject) ?? 0) + 1
    this.#ofEntity.set(subject, count)
    return count
  }

  /**
   * Begins to load what the next ones touch, while something else is folded. That MUST NOT touch entities: it could be on one that
   * is being loaded. `load` takes note of a failure.
   */
  loadAhead(fold: EntityFold): void {
    this.#loading ??= this.#load(fold).catch(() => {})
  }

  /** Resolves when nothing is being loaded ahead. */
  async settled(): Promise<void> {
    await this.#loading
    this.#loading = undefined
  }

  /** Loads what the next ones touch, unless it is: a look at what events need may have forgotten it. @throws BusUnavailable */
  async load(fold: EntityFold): Promise<void> {
    await this.settled()
    if (this.#loaded === 0 || this.#look !== fold.look) await this.#load(fold)
  }

  async #load(fold: EntityFold): Promise<void> {
    const next = this.#waiting.slice(0, LOAD_COUNT)
    await this.#loader.load(
      fold,
      next.map(({ command }) => command),
    )
    this.#loaded = next.length
    this.#look = fold.look
  }

  /** The next commands, whose needs are loaded. At least one, after `load`. */
  peek(): readonly PlacedCommand[] {
    return this.#waiting.slice(0, Math.min(this.#chunk, this.#loaded))
  }

  /** The first ones are folded. */
  drop(count: number): void {
    const tried = Math.min(this.#chunk, this.#loaded)
    this.#chunk = count < tried ? Math.max(1, count) : Math.min(MAX_CHUNK, 2 * this.#chunk)
    this.#waiting.splice(0, count)
    this.#loaded -= count
    if (this.isEmpty) this.#ofEntity.clear()
  }
}
