import { type BatchReader, type EventBody, eventPattern } from '../bus/index.ts'
import type { PlainObject } from '../config/schema/plain-schema.ts'
import { dataPattern, wantedOf } from './data-pattern.ts'
import { type Fields, NarrowEvent } from './narrow-event.ts'

/** Ends an event. */
const END = 0x7d

/** Finds the wanted values of a payload, and puts them in the place of its events. */
interface Finder {
  readonly pattern: RegExp
  readonly replacement: string
  /** Values of an event. */
  readonly width: number
  readonly hasSource: boolean
}

/**
 * Reads some fields of the data of the events of one topic, without making anything of the rest. A regular expression made of the
 * schema finds the values, and these are parsed: that is native code, and takes a fifth of the time that parsing the events does.
 */
export class FieldReader {
  readonly #paths: readonly (readonly string[])[]
  readonly #finders: Finder[]

  private constructor(data: string, paths: readonly (readonly string[])[]) {
    this.#paths = paths
    this.#finders = [false, true].map((hasSource) => {
      const groups = paths.length + (hasSource ? 1 : 0)
      return {
        pattern: new RegExp(eventPattern(data, hasSource), 'gy'),
        // Events without a wanted value are counted all the same.
        replacement: groups === 0 ? '0,' : Array.from({ length: groups }, (_, i) => `$${i + 1},`).join(''),
        width: Math.max(1, groups),
        hasSource,
      }
    })
  }

  /** @returns nothing where the fields may be missing, or are no scalars */
  static of(schema: PlainObject, paths: readonly string[]): FieldReader | undefined {
    const wanted = wantedOf(paths)
    const data = wanted && dataPattern(schema, wanted)
    return data && new FieldReader(data.source, data.paths)
  }

  /**
   * The accepted events of a batch; `undefined` where any of them does not fit, as those that were stored under another schema.
   *
   * @throws CorruptBatch where its header cannot be read
   */
  accepted(batch: BatchReader): readonly EventBody[] | undefined {
    const { payload, header, refused } = batch
    // Otherwise what is left behind the last event that fits could be taken for values.
    if (payload.at(-1) !== END) return undefined
    const text = payload.toString('utf8')
    for (const finder of this.#finders) {
      const values = valuesIn(text, finder, header.count)
      if (values === undefined) continue
      if (finder !== this.#finders[0]) this.#finders.reverse()
      const events: EventBody[] = []
      for (let index = 0; index < header.count; index++) {
        if (!refused.has(index)) events.push(this.#event(batch, index, values, finder))
      }
      return events
    }
    return undefined
  }

  #event(batch: BatchReader, index: number, values: readonly unknown[], { width, hasSource }: Finder): NarrowEvent {
    let at = index * width
    const source = hasSource ? (values[at++] as string) : undefined
    const fields: Fields = {}
    for (const path of this.#paths) put(fields, path, values[at++])
    return new NarrowEvent(batch, index, fields, source)
  }
}

function valuesIn(text: string, { pattern, replacement, width }: Finder, count: number): unknown[] | undefined {
  try {
    const values = JSON.parse(`[${text.replace(pattern, replacement)}0]`) as unknown[]
    return values.length === count * width + 1 ? values : undefined
  } catch {
    // Events that do not fit are left as they are: one behind another value is no JSON.
    return undefined
  }
}

function put(fields: Fields, [name, ...below]: readonly string[], value: unknown): void {
  if (below.length === 0) {
    fields[name!] = value
    return
  }
  // A field may be called as what every object inherits.
  const inner = (Object.hasOwn(fields, name!) ? fields[name!] : {}) as Fields
  fields[name!] = inner
  put(inner, below, value)
}
