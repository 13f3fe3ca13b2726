import type { ExpectedPane } from './workload.ts'

/** Data of a pane as delivered. */
interface DeliveredPane {
  readonly key: string
  readonly start: number
  readonly revision: number
  readonly value: ExpectedPane
}

/** Counts how often each id arrived: what a reconciliation event by event needs. */
export class IdLedger {
  readonly #seen = new Map<string, number>()

  add(id: string): void {
    this.#seen.set(id, (this.#seen.get(id) ?? 0) + 1)
  }

  get size(): number {
    return this.#seen.size
  }

  compare(expected: ReadonlySet<string>): { lost: readonly string[]; twice: number; unexpected: number } {
    const lost = [...expected].filter((id) => !this.#seen.has(id))
    let twice = 0
    let unexpected = 0
    for (const [id, times] of this.#seen) {
      if (times > 1) twice++
      if (!expected.has(id)) unexpected++
    }
    return { lost, twice, unexpected }
  }
}

/** Panes of one window topic: every revision exactly once and in order, the last one equal to the recompute. */
export class PaneLedger {
  readonly #last = new Map<string, DeliveredPane>()
  twice = 0
  skipped = 0
  received = 0

  add(pane: DeliveredPane): void {
    const key = `${pane.key} ${pane.start}`
    const expected = (this.#last.get(key)?.revision ?? -1) + 1
    if (pane.revision < expected) this.twice++
    if (pane.revision > expected) this.skipped += pane.revision - expected
    this.#last.set(key, pane)
    this.received++
  }

  /** Windows whose last revision is not what it must be, with both values. */
  differences(expected: ReadonlyMap<string, ExpectedPane>): string[] {
    const faults: string[] = []
    for (const [key, value] of expected) {
      const got = this.#last.get(key)
      if (got === undefined) faults.push(`${key}: no pane`)
      else if (!FIELDS.every((field) => got.value[field] === value[field])) {
        faults.push(
          `${key}: revision ${got.revision} has ${JSON.stringify(got.value)}, expected ${JSON.stringify(value)}`,
        )
      }
    }
    for (const key of this.#last.keys()) if (!expected.has(key)) faults.push(`${key}: a pane nobody expected`)
    return faults
  }
}

const FIELDS = ['avg', 'min', 'max', 'count'] as const
