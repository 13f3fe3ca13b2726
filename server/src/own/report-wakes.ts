import { type CommitOperation, windowOfPartials } from '../bus/index.ts'
import { Rounds } from '../rounds.ts'

/** Partitions that report one after the other wake a merger once. */
const GAP_MS = 20

/** A partition of the process. */
interface Member {
  /** That it merges. */
  readonly windows: readonly string[]
  readonly wake: () => void
}

/**
 * Has the partitions of a process that merge a window look for reports as soon as another one of the same process has stored some.
 * Those of other processes are found by looking now and then.
 */
export class ReportWakes {
  readonly #rounds = new Rounds(() => GAP_MS)
  readonly #members = new Set<Member>()

  /** @returns takes it back */
  join(member: Member): () => void {
    this.#members.add(member)
    return () => {
      this.#members.delete(member)
      this.#rounds.takeBack(member.wake)
    }
  }

  /** Whether all partitions of the deployment are of this process. */
  hasAll(partitions: number): boolean {
    return this.#members.size >= partitions
  }

  /** A commit with these operations was stored. */
  stored(operations: readonly CommitOperation[]): void {
    for (const operation of operations) {
      const window = operation.op === 'append' ? windowOfPartials(operation.topic) : undefined
      if (window === undefined) continue
      for (const { windows, wake } of this.#members) if (windows.includes(window)) this.#rounds.wait(wake)
    }
  }
}
