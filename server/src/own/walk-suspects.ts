/** How many owners may end while one entity alone is looked at: once may be a coincidence. */
const MAX_DEATHS = 2
const PREFIX = '~walk '

/** What an owner looked at when it ended. */
interface Suspects {
  readonly name: string
  readonly keys: readonly string[]
  /** Owners that have ended at these, one after the other. */
  readonly deaths: number
}

/**
 * Entities whose code may end the process in a way no `catch` sees. Those that are looked at together are noted in Redis before;
 * an owner's successor looks at each of them alone, and passes over the one at which two more have ended.
 */
export class WalkSuspects {
  readonly #suspects: Suspects | undefined

  /** @param note of the owner before */
  constructor(note: string) {
    this.#suspects = note.startsWith(PREFIX) ? (JSON.parse(note.slice(PREFIX.length)) as Suspects) : undefined
  }

  /** How many of the next keys are to be looked at together. */
  together(name: string, keys: readonly string[], most: number): number {
    const suspects = new Set(this.#suspects?.name === name ? this.#suspects.keys : [])
    const first = keys.slice(0, most).findIndex((key) => suspects.has(key))
    return first === -1 ? most : Math.max(1, first)
  }

  isPassedOver(name: string, key: string): boolean {
    return this.#deathsOf(name, [key]) >= MAX_DEATHS
  }

  /** What is to be noted before these are looked at. */
  noteOf(name: string, keys: readonly string[]): string {
    const note: Suspects = { name, keys, deaths: this.#deathsOf(name, keys) + 1 }
    return `${PREFIX}${JSON.stringify(note)}`
  }

  /** Only where it was one: of several nobody knows which. */
  #deathsOf(name: string, [key, ...others]: readonly string[]): number {
    const suspects = this.#suspects
    if (suspects === undefined || others.length > 0 || suspects.keys.length > 1) return 0
    return suspects.name === name && suspects.keys[0] === key ? suspects.deaths : 0
  }
}
