/** Texts kept by default, and how long each may be: clients choose them. */
const MAX_TEXTS = 1_000
const MAX_CHARS = 2_048

/** What a pure function made of the texts it was asked for last, so that equal ones are one object. */
export class Recent<Value extends object> {
  readonly #make: (text: string) => Value
  readonly #values = new Map<string, Value>()

  constructor(make: (text: string) => Value) {
    this.#make = make
  }

  /** @throws what the function throws */
  of(text: string): Value {
    const known = this.#values.get(text)
    if (known !== undefined) return known
    const value = this.#make(text)
    if (text.length > MAX_CHARS) return value
    if (this.#values.size >= MAX_TEXTS) this.#values.delete(this.#values.keys().next().value!)
    this.#values.set(text, value)
    return value
  }
}
