/** Calls of one connection that wait for their answers. */
export class Pending<Id> {
  readonly #calls = new Map<Id, { resolve(): void; reject(error: Error): void }>()

  /** @returns settled by `answer`, `fail` or `failAll` */
  add(id: Id): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
    })
  }

  answer(id: Id): void {
    this.#calls.get(id)?.resolve()
    this.#calls.delete(id)
  }

  /** Settles the one that has waited longest: for servers that answer in order and do not say what. */
  settleNext(error?: Error): void {
    for (const id of this.#calls.keys()) return error === undefined ? this.answer(id) : this.fail(id, error)
  }

  fail(id: Id, error: Error): void {
    this.#calls.get(id)?.reject(error)
    this.#calls.delete(id)
  }

  failAll(error: Error): void {
    for (const id of [...this.#calls.keys()]) this.fail(id, error)
  }
}
