import { baseLineOf, decodeTrailEntry, fieldsOf, type TrailLine } from '../../entities/index.ts'
import type { StoredTrail } from '../../queries/index.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import type { TrailStore } from './trail-store.ts'

/** Events of a trail that are read at a time. */
const PAGE = 100
/** Characters of a trail in memory before the first of it is written: until then it may begin anew. */
const HELD_SIZE = 1_000_000
/** Trails that are read at a time: a round trip for each by itself would take most of the time. */
const PARALLEL = 16

/** A part of a trail as text: lines, each with its end. */
export interface ExportedPart {
  readonly text: string
  readonly events: number
  readonly isLast: boolean
}

/** Writes trails as lines of JSON. What a part holds is bounded, however long a trail is. */
export class TrailExport {
  readonly #store: Pick<TrailStore, 'stored' | 'entries' | 'keys'>
  readonly #name: string

  constructor(store: Pick<TrailStore, 'stored' | 'entries' | 'keys'>, name: string) {
    this.#store = store
    this.#name = name
  }

  /** The trails of all entities that there are. @throws as `one` */
  async *all(): AsyncGenerator<ExportedPart> {
    for await (const keys of this.#store.keys(PARALLEL)) {
      for (let from = 0; from < keys.length; from += PARALLEL) {
        const trails = keys.slice(from, from + PARALLEL).map((key) => this.one(key))
        const begun = await Promise.all(trails.map((trail) => trail.next()))
        for (const [i, first] of begun.entries()) {
          if (first.done) continue
          yield first.value
          yield* trails[i]!
        }
      }
    }
  }

  /**
   * The trail of one entity as it is now; nothing where there is none.
   *
   * @throws BusUnavailable; Error where the trail is cut after some of it was handed over
   */
  async *one(key: string): AsyncGenerator<ExportedPart> {
    let stored = await this.#store.stored(key)
    if (stored.version === 0) return
    let text = this.#begin(key, stored)
    let after = stored.cut
    let events = 0
    let isBegun = false
    while (after < stored.version) {
      const entries = await this.#store.entries(key, stored.cut, after, Math.min(PAGE, stored.version - after))
      const now = await this.#store.stored(key)
      if (now.cut !== stored.cut || now.version < stored.version) {
        // It is read by place, and the places have moved.
        if (isBegun) throw new Error(`${this.#name} ${printable(key)} was cut while it was exported; export it again`)
        stored = now
        text = this.#begin(key, stored)
        after = stored.cut
        events = 0
        continue
      }
      for (const entry of entries) {
        after++
        text += this.#lineOf(key, { kind: 'event', version: after, entry: decodeTrailEntry(entry) })
      }
      events += entries.length
      if (text.length < HELD_SIZE || after === stored.version) continue
      yield { text, events, isLast: false }
      isBegun = true
      text = ''
      events = 0
    }
    yield { text, events, isLast: true }
  }

  #begin(key: string, { record }: StoredTrail): string {
    const base = record && baseLineOf(record)
    return base === undefined ? '' : this.#lineOf(key, base)
  }

  #lineOf(key: string, line: TrailLine): string {
    return `${printableJson({ entity: this.#name, key, ...fieldsOf(line) })}\n`
  }
}
