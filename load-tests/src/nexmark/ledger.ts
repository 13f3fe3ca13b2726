import { isDeepStrictEqual } from 'node:util'
import type { EventBody } from '../../../server/src/bus/index.ts'
import type { Pane, WithdrawnPane } from '../../../server/src/config/contract/model.ts'
import type { Query, Results } from './query.ts'
import { paneName } from './recompute.ts'

/** As many faults as anybody reads. */
const MAX_FAULTS = 20

/** Holds what a query put out as a subscriber would, and compares it with what it must be. */
export class ResultLedger {
  readonly #isFlow: boolean
  readonly #before: number
  readonly #held = new Map<string, { readonly value: unknown; readonly revision: number; readonly final: boolean }>()
  readonly #faults: string[] = []

  /** @param before results of this time or later are of no interest, ms. */
  constructor({ contract, result }: Query, before: number) {
    this.#isFlow = contract.topics.get(result)!.kind === 'flow'
    this.#before = before
  }

  get size(): number {
    return this.#held.size
  }

  add({ id, time, data }: EventBody): void {
    if (time >= this.#before) return
    if (!this.#isFlow) this.#addPane(data as Pane | WithdrawnPane)
    else if (this.#held.has(id)) this.#fault(`${id} came twice`)
    else this.#held.set(id, { value: data, revision: 0, final: true })
  }

  /**
   * The first differences; empty if every result is there once, its revisions in order, the last one final and as
   * expected.
   */
  faults(expected: Results): readonly string[] {
    const faults = [...this.#faults]
    for (const [name, value] of expected) {
      if (faults.length >= MAX_FAULTS) return faults
      const held = this.#held.get(name)
      if (held === undefined) faults.push(`${name} is missing`)
      else if (!held.final) faults.push(`${name} is not final`)
      else if (!isDeepStrictEqual(held.value, value)) {
        faults.push(`${name} is ${JSON.stringify(held.value)}, expected ${JSON.stringify(value)}`)
      }
    }
    for (const name of this.#held.keys()) {
      if (faults.length >= MAX_FAULTS) return faults
      if (!expected.has(name)) faults.push(`${name} was not expected`)
    }
    return faults
  }

  #addPane(pane: Pane | WithdrawnPane): void {
    const name = paneName(pane.key, pane.start, pane.end)
    const held = this.#held.get(name)
    if (pane.withdrawn) {
      if (held?.revision !== pane.revision) this.#fault(`${name} was withdrawn and not there`)
      this.#held.delete(name)
      return
    }
    if (held !== undefined && pane.revision !== held.revision + 1) {
      this.#fault(`${name} has revision ${pane.revision} after ${held.revision}`)
    }
    this.#held.set(name, { value: pane.value, revision: pane.revision, final: pane.final })
  }

  #fault(text: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(text)
  }
}
