/** What an owner does now and then beside its commits, one thing at a time: neither events nor commands wait for it. */
export class Chores {
  #underWay: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /** Begins, unless something is under way. @throws what the last ones have thrown */
  begin(chores: () => Promise<void>): void {
    if (this.#failure !== undefined) throw this.#failure.error
    this.#underWay ??= chores()
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        this.#underWay = undefined
      })
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await this.#underWay
  }
}
