import type { LogEntry } from '../bus/index.ts'
import type { EntityFold } from '../entities/index.ts'
import { decodeBatch, type InputBatch, type OnUnreadable, type Pipeline } from '../fold/index.ts'
import type { EntityLoader } from './entity-loader.ts'

/** Events whose entities are loaded in one go, about. */
const LOAD_EVENTS = 1_024

/** Record batches of topics that are read and not folded, in the order in which they were read. */
export class EventQueue {
  readonly #loader: Pick<EntityLoader, 'loadEntities'>
  readonly #pipeline: Pipeline
  readonly #onUnreadable: OnUnreadable
  #entries: LogEntry[] = []
  #decoded: InputBatch[] = []
  /** The look at what they need that they were loaded for. */
  #look: number | undefined

  constructor(loader: Pick<EntityLoader, 'loadEntities'>, pipeline: Pipeline, onUnreadable: OnUnreadable) {
    this.#onUnreadable = onUnreadable
    this.#loader = loader
    this.#pipeline = pipeline
  }

  get isEmpty(): boolean {
    return this.#decoded.length === 0 && this.#entries.length === 0
  }

  add(entries: readonly LogEntry[]): void {
    this.#entries.push(...entries)
  }

  /**
   * Loads the entities that the next batches touch; where no topic has any, nothing: batches are then decoded when they are
   * peeked at. What was loaded for batches that are left is loaded again where commands were looked at meanwhile: that may have
   * forgotten it.
   *
   * @throws BusUnavailable
   */
  async load(fold: EntityFold | undefined): Promise<void> {
    if (fold === undefined || !this.#pipeline.hasEntitiesOnTopics) return
    if (this.#decoded.length > 0 && this.#look === fold.look) return
    if (this.#decoded.length === 0) this.#decode(LOAD_EVENTS)
    const subjects = this.#decoded.flatMap(({ topic, events }) =>
      this.#pipeline.entitiesBehind(topic).flatMap(({ name }) => events.map(({ key }) => ({ entity: name, key }))),
    )
    if (subjects.length > 0) await this.#loader.loadEntities(fold, subjects)
    this.#look = fold.look
  }

  /** @param count events, about */
  #decode(count: number): void {
    for (let events = 0; events < count; ) {
      const entry = this.#entries.shift()
      if (entry === undefined) return
      const batch = decodeBatch(entry, this.#onUnreadable, this.#pipeline.readerOf(entry.topic))
      this.#decoded.push(batch)
      events += batch.events.length
    }
  }

  /** The next batch that may be folded; `undefined` where there is none before the next `load`. It may have to be decoded: in turn. */
  peek(): InputBatch | undefined {
    if (this.#decoded.length === 0 && !this.#pipeline.hasEntitiesOnTopics) this.#decode(1)
    return this.#decoded[0]
  }

  /** Takes the next batch, which was peeked at. */
  shift(): void {
    this.#decoded.shift()
  }
}
