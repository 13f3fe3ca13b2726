import type { WindowSpec } from '../config/contract/model.ts'
import type { Accumulator, AggregateSet } from './aggregate-set.ts'
import { type HoppingShape, sliceStart } from './hopping.ts'
import { type Slice, SlidingAggregate } from './sliding-aggregate.ts'
import { fieldName, parseFieldName } from './state-field.ts'
import type { StateField } from './window-operator.ts'

interface KeySlice extends Slice {
  readonly key: string
}

type Limits = Pick<WindowSpec, 'maxKeys' | 'maxOpen'>

interface KeyState {
  /** In order of time. */
  readonly slices: KeySlice[]
  /** Sliding aggregate of the closing windows; absent until one closes, or after one of its slices changed. */
  sliding: SlidingAggregate | undefined
}

/** The events of a hopping window by key and slice. Field `s<start>:<key>` holds the accumulator of one. */
export class HoppingSlices {
  readonly #shape: HoppingShape & Limits
  readonly #aggregates: AggregateSet
  readonly #keys = new Map<string, KeyState>()
  /** Slice start -> its keys. */
  readonly #starts = new Map<number, string[]>()
  readonly #dirty = new Set<KeySlice>()
  #count = 0

  constructor(shape: HoppingShape & Limits, aggregates: AggregateSet, stored: readonly StateField[]) {
    this.#shape = shape
    this.#aggregates = aggregates
    for (const [field, value] of stored) {
      if (!field.startsWith('s')) continue
      const { start, key } = parseFieldName(field.slice(1))
      this.#insert({ key, start, accumulator: aggregates.decode(value) })
    }
  }

  get count(): number {
    return this.#count
  }

  get dirtyCount(): number {
    return this.#dirty.size
  }

  /** Starts of the non-empty slices. */
  starts(): IterableIterator<number> {
    return this.#starts.keys()
  }

  /** Whether an event of a key needs no more states than are allowed. */
  hasRoomFor(key: string, time: number): boolean {
    if (this.#count < this.#shape.maxOpen && this.#keys.size < this.#shape.maxKeys) return true
    const state = this.#keys.get(key)
    if (state === undefined) return false
    return this.#count < this.#shape.maxOpen || find(state.slices, sliceStart(time, this.#shape)) !== undefined
  }

  /** Folds an event. Returns the start of its slice if the slice was empty. */
  add(key: string, time: number, data: Readonly<Record<string, unknown>>): number | undefined {
    const start = sliceStart(time, this.#shape)
    const state = this.#keys.get(key)
    const isNew = !this.#starts.has(start)
    let slice = state && find(state.slices, start)
    if (slice === undefined) {
      slice = { key, start, accumulator: this.#aggregates.create() }
      this.#insert(slice)
    }
    if (state?.sliding !== undefined && start <= state.sliding.last) state.sliding = undefined
    this.#aggregates.add(slice.accumulator, data, time)
    this.#dirty.add(slice)
    return isNew ? start : undefined
  }

  /** Keys with events in `[start, end)`. */
  keysIn(start: number, end: number): string[] {
    return [...this.#keys.keys()].filter((key) => this.has(key, start, end))
  }

  has(key: string, start: number, end: number): boolean {
    const slices = this.#keys.get(key)?.slices ?? []
    let at = slices.length - 1
    while (at >= 0 && slices[at]!.start >= end) at--
    return at >= 0 && slices[at]!.start >= start
  }

  /** The aggregate of a key's events in `[start, end)`. */
  total(key: string, start: number, end: number): Accumulator {
    const total = this.#aggregates.create()
    for (const slice of this.#keys.get(key)!.slices) {
      if (slice.start >= start && slice.start < end) this.#aggregates.merge(total, slice.accumulator)
    }
    return total
  }

  /** As above, faster for consecutive windows of a key; the windows MUST come in order. */
  slidingTotal(key: string, start: number, end: number): Accumulator {
    const state = this.#keys.get(key)!
    state.sliding ??= new SlidingAggregate(this.#aggregates)
    const { sliding, slices } = state
    sliding.evictBefore(start)
    let at = slices.length
    while (at > 0 && slices[at - 1]!.start > sliding.last && slices[at - 1]!.start >= start) at--
    for (; at < slices.length && slices[at]!.start < end; at++) sliding.push(slices[at]!)
    return sliding.total()
  }

  takeDirty(): StateField[] {
    const fields = [...this.#dirty].map(
      ({ start, key, accumulator }) => [`s${fieldName(start, key)}`, this.#aggregates.encode(accumulator)] as const,
    )
    this.#dirty.clear()
    return fields
  }

  /** Drops up to `limit` keys of a slice and returns their fields. */
  forget(start: number, limit: number): string[] {
    const keys = this.#starts.get(start)!
    const taken = keys.splice(0, limit)
    if (keys.length === 0) this.#starts.delete(start)
    for (const key of taken) {
      const { slices } = this.#keys.get(key)!
      const at = slices.findIndex((slice) => slice.start === start)
      this.#dirty.delete(slices[at]!)
      slices.splice(at, 1)
      if (slices.length === 0) this.#keys.delete(key)
    }
    this.#count -= taken.length
    return taken.map((key) => `s${fieldName(start, key)}`)
  }

  #insert(slice: KeySlice): void {
    const { key, start } = slice
    let state = this.#keys.get(key)
    if (state === undefined) {
      state = { slices: [], sliding: undefined }
      this.#keys.set(key, state)
    }
    let at = state.slices.length
    while (at > 0 && state.slices[at - 1]!.start > start) at--
    state.slices.splice(at, 0, slice)
    const keys = this.#starts.get(start)
    if (keys === undefined) this.#starts.set(start, [key])
    else keys.push(key)
    this.#count++
  }
}

function find(slices: readonly KeySlice[], start: number): KeySlice | undefined {
  // From the newest: most events belong to it.
  for (let at = slices.length - 1; at >= 0 && slices[at]!.start >= start; at--) {
    if (slices[at]!.start === start) return slices[at]
  }
  return undefined
}
