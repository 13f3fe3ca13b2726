/** Admits one caller at a time, in order of arrival. */
export class Turn {
  #last: Promise<void> = Promise.resolve()

  async run<T>(body: () => Promise<T>): Promise<T> {
    const before = this.#last
    let done!: () => void
    this.#last = new Promise((resolve) => {
      done = resolve
    })
    await before
    try {
      return await body()
    } finally {
      done()
    }
  }
}
