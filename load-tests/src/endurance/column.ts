const FIRST_LENGTH = 65_536

/** Small numbers, one for each event of a run, in few bytes: 0 until set. */
export class Column {
  #values = new Uint16Array(FIRST_LENGTH)

  get(n: number): number {
    return this.#values[n] ?? 0
  }

  set(n: number, value: number): void {
    while (n >= this.#values.length) {
      const grown = new Uint16Array(this.#values.length * 2)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[n] = value
  }
}
