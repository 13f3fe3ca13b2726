/** Clients choose the texts. */
export interface RecentBounds {
  /** Texts kept. */
  readonly texts: number
  /** Longer texts are not kept. */
  readonly chars: number
}

const USUAL: RecentBounds = { texts: 1_000, chars: 2_048 }

/** Results of a pure function for the most recent texts, so that equal ones are one object. */
export class Recent<Value extends object> {
  readonly #make: (text: string) => Value
  readonly #bounds: RecentBounds
  readonly #values = new Map<string, Value>()

  constructor(make: (text: string) => Value, bounds = USUAL) {
    this.#make = make
    this.#bounds = bounds
  }

  /** @throws what the function throws */
  of(text: string): Value {
    const known = this.#values.get(text)
    if (known !== undefined) return known
    const value = this.#make(text)
    if (text.length > this.#bounds.chars) return value
    if (this.#values.size >= this.#bounds.texts) this.#values.delete(this.#values.keys().next().value!)
    this.#values.set(text, value)
    return value
  }
}
