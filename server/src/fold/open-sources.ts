import { type CommitOperation, type EventBody, windowHash } from '../bus/index.ts'
import type { StateField } from '../operators/index.ts'
import type { InputBatch } from './input-batch.ts'
import type { StateHolder } from './stage.ts'
import { type HashFields, writesTo } from './stored-window.ts'

/** The hash of a partition with the sources whose input has not ended. */
export const SOURCES_HASH = windowHash('~sources')

/**
 * Sources of one topic that are told apart. With more of them, the ends of single ones say nothing: whoever has so many
 * ends the topic.
 */
export const MAX_SOURCES = 1_000

/** Of one topic: the sources with events behind their last end, or that there are too many to tell. */
type Open = Set<string> | 'many'

/**
 * Whose input has not ended, by topic. An event opens its source, also again after an end; events without a source are of
 * one. A topic has ended when one of its sources has, or all of it was, and none is open.
 *
 * Field `<topic>` of the state is `ended` or `many`; field `<topic>=<source>` is there for an open one.
 */
export class OpenSources implements StateHolder {
  readonly #topics = new Map<string, Open>()
  readonly #stored: Map<string, string>
  /** Fields that may differ from what is stored. */
  readonly #dirty = new Set<string>()

  constructor(stored: HashFields = []) {
    this.#stored = new Map(stored)
    for (const [field, value] of stored) {
      const at = field.indexOf('=')
      if (at === -1) this.#topics.set(field, value === 'many' ? 'many' : new Set())
      else this.#topics.set(field.slice(0, at), this.#setOf(field.slice(0, at)).add(field.slice(at + 1)))
    }
  }

  /** Takes a batch: an end closes what came before it, and nothing that comes behind it. */
  observe({ topic, events, ends }: Pick<InputBatch, 'topic' | 'events' | 'ends'>): void {
    let done = 0
    for (const { after, source } of ends) {
      this.#opened(topic, events, done, after)
      done = after
      this.#ended(topic, source)
    }
    this.#opened(topic, events, done, events.length)
  }

  /** Whether a topic had events, or an end. */
  knows(topic: string): boolean {
    return this.#topics.has(topic)
  }

  hasEnded(topic: string): boolean {
    const open = this.#topics.get(topic)
    return open instanceof Set && open.size === 0
  }

  /** Whether input of a source may come. */
  isOpen(topic: string, source: string): boolean {
    const open = this.#topics.get(topic)
    return open === 'many' || open?.has(source) === true
  }

  get operator(): StateHolder['operator'] {
    return { dirtyCount: this.#dirty.size, openCount: 0, hasForgettable: false }
  }

  takeWrites(): CommitOperation[] {
    const changed: StateField[] = []
    const forgotten: string[] = []
    for (const field of this.#dirty) {
      const value = this.#valueOf(field)
      if (value === this.#stored.get(field)) continue
      if (value === undefined) {
        forgotten.push(field)
        this.#stored.delete(field)
      } else {
        changed.push([field, value])
        this.#stored.set(field, value)
      }
    }
    this.#dirty.clear()
    return writesTo(SOURCES_HASH, { changed, forgotten })
  }

  #opened(topic: string, events: readonly EventBody[], from: number, to: number): void {
    if (from === to) return
    if (this.#topics.get(topic) === 'many') return
    const open = this.#setOf(topic)
    if (open.size === 0) this.#dirty.add(topic)
    this.#topics.set(topic, open)
    let before: string | undefined
    for (let i = from; i < to; i++) {
      const source = events[i]!.source ?? ''
      if (source === before) continue
      before = source
      if (open.has(source)) continue
      if (open.size >= MAX_SOURCES) return this.#replace(topic, 'many')
      open.add(source)
      this.#dirty.add(fieldOf(topic, source))
    }
  }

  #ended(topic: string, source: string | undefined): void {
    if (source === undefined) return this.#replace(topic, new Set())
    if (this.#topics.get(topic) === 'many') return
    const open = this.#setOf(topic)
    if (open.delete(source)) this.#dirty.add(fieldOf(topic, source))
    this.#topics.set(topic, open)
    this.#dirty.add(topic)
  }

  #replace(topic: string, next: Open): void {
    for (const source of this.#setOf(topic)) this.#dirty.add(fieldOf(topic, source))
    this.#topics.set(topic, next)
    this.#dirty.add(topic)
  }

  #setOf(topic: string): Set<string> {
    const open = this.#topics.get(topic)
    return open instanceof Set ? open : new Set()
  }

  #valueOf(field: string): string | undefined {
    const at = field.indexOf('=')
    if (at !== -1) {
      const open = this.#topics.get(field.slice(0, at))
      return open instanceof Set && open.has(field.slice(at + 1)) ? 'open' : undefined
    }
    const open = this.#topics.get(field)
    if (open === 'many') return 'many'
    return open?.size === 0 ? 'ended' : undefined
  }
}

const fieldOf = (topic: string, source: string): string => `${topic}=${source}`
