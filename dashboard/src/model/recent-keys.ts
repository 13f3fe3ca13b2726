/** Keys that changed last: as many as fit in two lines or so. */
const MAX_KEYS = 10

/** The keys of an entity that changed since the page was opened, the last one first. */
export class RecentKeys {
  readonly #keys = new Set<string>()

  add(key: string): void {
    this.#keys.delete(key)
    this.#keys.add(key)
    if (this.#keys.size > MAX_KEYS) this.#keys.delete(this.#keys.keys().next().value!)
  }

  get list(): readonly string[] {
    return [...this.#keys].reverse()
  }
}
