/** A promise that is settled from outside. An application that does not await it is not ended by its rejection. */
export class Deferred<Result = void> {
  readonly promise: Promise<Result>
  resolve!: (result: Result) => void
  reject!: (reason: unknown) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.promise.catch(() => {})
  }
}
