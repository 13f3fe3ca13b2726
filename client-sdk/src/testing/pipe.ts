import type { TestClock } from './test-clock.ts'

/** One direction of a link: everything arrives in order, each after the lag of the moment at which it was sent. */
export class Pipe<Item> {
  readonly #clock: TestClock
  readonly #lagMs: () => number
  readonly #deliver: (item: Item) => void
  #waiting: { readonly item: Item; due: number }[] = []
  #cancel = () => {}

  constructor(clock: TestClock, lagMs: () => number, deliver: (item: Item) => void) {
    this.#clock = clock
    this.#lagMs = lagMs
    this.#deliver = deliver
  }

  /** Whether nothing arrives before some time has passed. */
  get isQuiet(): boolean {
    return this.#waiting[0] === undefined || this.#waiting[0].due > this.#clock.now()
  }

  push(item: Item): void {
    const due = Math.max(this.#waiting.at(-1)?.due ?? 0, this.#clock.now() + this.#lagMs())
    this.#waiting.push({ item, due })
    if (this.#waiting.length === 1) this.#arm()
  }

  /** What was held back without end moves again. */
  release(): void {
    const due = this.#clock.now() + this.#lagMs()
    for (const each of this.#waiting) if (each.due === Number.POSITIVE_INFINITY) each.due = due
    this.#arm()
  }

  /** Everything on its way is lost. */
  clear(): void {
    this.#cancel()
    this.#waiting = []
  }

  #arm(): void {
    this.#cancel()
    const [first] = this.#waiting
    if (first === undefined || first.due === Number.POSITIVE_INFINITY) return
    this.#cancel = this.#clock.after(first.due - this.#clock.now(), () => {
      try {
        this.#deliverDue()
      } finally {
        this.#arm()
      }
    })
  }

  #deliverDue(): void {
    // As many as there are now: what is sent meanwhile comes in a later turn, as over a network.
    for (let left = this.#due; left > 0 && this.#due > 0; left--) this.#deliver(this.#waiting.shift()!.item)
  }

  get #due(): number {
    const later = this.#waiting.findIndex(({ due }) => due > this.#clock.now())
    return later < 0 ? this.#waiting.length : later
  }
}
