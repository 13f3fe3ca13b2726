/**
 * Checks the tokens that a client shows while it is connected, one at a time: to check one takes a signature, and may take a fetch of
 * keys. Of those that come meanwhile the last is checked next, and the others are passed over.
 */
export class TokenRenewals {
  readonly #check: (token: string) => Promise<void>
  #isChecking = false
  #next: string | undefined

  /** @param check MUST NOT reject */
  constructor(check: (token: string) => Promise<void>) {
    this.#check = check
  }

  show(token: string): void {
    this.#next = token
    if (!this.#isChecking) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isChecking = true
    for (let token = this.#next; token !== undefined; token = this.#next) {
      this.#next = undefined
      await this.#check(token)
    }
    this.#isChecking = false
  }
}
