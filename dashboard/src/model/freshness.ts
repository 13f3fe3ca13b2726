/** Three missed answers: one may be lost. */
const OLD_MS = 7_000

/** Since when what the page shows is not renewed. Times are ms of the page's clock. */
export class Freshness {
  #offlineSince: number | undefined
  #answeredAt: number | undefined
  /** When what the last answer says was read, and why there is nothing newer. */
  #fault: { readonly since: number; readonly why: string } | undefined

  /** The socket works, or does not. */
  connected(isOnline: boolean, now: number): void {
    if (isOnline) this.#offlineSince = undefined
    else this.#offlineSince ??= now
  }

  /** The server answered. @param fault of an answer that is of an earlier moment */
  answered(now: number, fault?: { readonly since: number; readonly why: string }): void {
    this.#answeredAt = now
    this.#fault = fault
  }

  /** Nobody looked: no answer was asked for. */
  paused(): void {
    this.#answeredAt = undefined
  }

  /** `undefined` while everything is fresh. */
  staleSince(now: number): { readonly since: number; readonly why: string } | undefined {
    if (this.#offlineSince !== undefined) return { since: this.#offlineSince, why: 'not connected' }
    if (this.#fault !== undefined) return this.#fault
    if (this.#answeredAt !== undefined && now - this.#answeredAt > OLD_MS)
      return { since: this.#answeredAt, why: 'the gateway does not answer' }
    return undefined
  }
}
