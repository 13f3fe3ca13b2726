import type { Moment } from './entity-watch.ts'

export type FoundEntity = { readonly key: string } & (Moment | { readonly failed: string })

interface FoundPage {
  readonly entities: readonly FoundEntity[]
  /** `after` of the next page; undefined at the end. */
  readonly next: string | undefined
}

/** Asks for a page of what is looked for. */
type Ask = (after: string | undefined) => Promise<FoundPage>

export type Search =
  | { readonly kind: 'none' }
  | { readonly kind: 'searching'; readonly what: string }
  | { readonly kind: 'failed'; readonly what: string; readonly message: string }
  | ({ readonly kind: 'found'; readonly what: string } & FoundPage)

/** The last search of an index, page by page. An answer to an earlier one is dropped. */
export class EntitySearch {
  readonly #changed: () => void
  #search: Search = { kind: 'none' }
  #ask: Ask | undefined

  /** @param changed is called after every change of `search` */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  get search(): Search {
    return this.#search
  }

  clear(): void {
    this.#ask = undefined
    this.#set({ kind: 'none' })
  }

  /** @param what is looked for, in words */
  async start(what: string, ask: Ask): Promise<void> {
    this.#ask = ask
    this.#set({ kind: 'searching', what })
    await this.#add(ask, what, [], undefined)
  }

  async more(): Promise<void> {
    if (this.#search.kind !== 'found' || this.#ask === undefined) return
    const { what, entities, next } = this.#search
    await this.#add(this.#ask, what, entities, next)
  }

  async #add(ask: Ask, what: string, before: readonly FoundEntity[], after: string | undefined): Promise<void> {
    try {
      const { entities, next } = await ask(after)
      if (ask === this.#ask) this.#set({ kind: 'found', what, entities: [...before, ...entities], next })
    } catch (error) {
      if (ask !== this.#ask) return
      this.#set({ kind: 'failed', what, message: error instanceof Error ? error.message : String(error) })
    }
  }

  #set(search: Search): void {
    this.#search = search
    this.#changed()
  }
}
