/** So many urgent callers in a row pass one that is not: under a flood of them it still gets its share. */
const MAX_URGENT_IN_A_ROW = 16

/** Who calls: `hurry` finds it by this. */
export type Caller = object

interface Waiter {
  readonly caller: Caller | undefined
  readonly admit: () => void
}

/** Admits one caller at a time: urgent ones before others, each kind in the order of arrival. */
export class Turn {
  readonly #urgent: Waiter[] = []
  readonly #others: Waiter[] = []
  #isTaken = false
  #urgentInARow = 0

  /** Whether an urgent caller waits: whoever has the turn for long SHOULD give it back. */
  get isWanted(): boolean {
    return this.#urgent.length > 0
  }

  async run<T>(
    body: () => Promise<T>,
    { isUrgent = false, caller }: { readonly isUrgent?: boolean; readonly caller?: Caller } = {},
  ): Promise<T> {
    if (this.#isTaken) {
      await new Promise<void>((admit) => {
        const waiting = isUrgent ? this.#urgent : this.#others
        waiting.push({ caller, admit })
      })
    }
    this.#isTaken = true
    try {
      return await body()
    } finally {
      this.#handOver()
    }
  }

  /** Makes a caller that waits an urgent one: something has come since it called. */
  hurry(caller: Caller): void {
    const at = this.#others.findIndex((waiter) => waiter.caller === caller)
    if (at >= 0) this.#urgent.push(...this.#others.splice(at, 1))
  }

  #handOver(): void {
    const isOthersTurn = this.#urgent.length === 0 || this.#urgentInARow >= MAX_URGENT_IN_A_ROW
    const other = isOthersTurn ? this.#others.shift() : undefined
    const urgent = other === undefined ? this.#urgent.shift() : undefined
    this.#urgentInARow = urgent === undefined ? 0 : this.#urgentInARow + 1
    const next = other ?? urgent
    // Taken throughout: a caller that comes now must not pass the one that was admitted.
    if (next === undefined) this.#isTaken = false
    else next.admit()
  }
}
