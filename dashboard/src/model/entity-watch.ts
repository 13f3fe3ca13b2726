import { TidegateError } from '@tidegate/client'

/** Events of a page of history: about as high as the state of most entities. */
export const HISTORY_PAGE = 10
/** An entity may change with every commit; people read a few times a second at most. */
const READ_EVERY_MS = 150

/** An entity at one of its versions. */
export interface Moment {
  readonly version: number
  /** Of its newest event, ms since 1970. */
  readonly time: number
  readonly view: unknown
}

export interface HistoryLine {
  readonly version: number
  readonly type: string
  readonly time: number
  readonly commandId: string
  readonly data?: unknown
  /** Instead of data: that they cannot be shown, and why. */
  readonly failed?: string
}

/** What this needs of a handle of the SDK. */
export interface EntitySource {
  readonly ready: Promise<void>
  get(options?: { readonly version?: number }): Promise<Moment>
  history(options: { readonly after: number; readonly limit: number }): AsyncIterable<readonly HistoryLine[]>
  onChange(listener: () => void): () => void
  /** Of an erasure `onChange` says nothing. */
  onErase(listener: () => void): () => void
  close(): void
}

export interface HistoryPage {
  /** Version of its oldest event. */
  readonly first: number
  /** Oldest first. */
  readonly events: readonly HistoryLine[]
}

export type Watched =
  | { readonly kind: 'loading' }
  /** Nothing has happened to it, or it was erased. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'shown'
      /** The first version that can be shown: an entity may keep only some of its past. */
      readonly oldest: number
      readonly newest: Moment
      readonly shown: Moment
      readonly page: HistoryPage
    }

/** One entity as it changes, at the version that somebody chose, and a page of its history. Reads are never beside each other. */
export class EntityWatch {
  readonly #source: EntitySource
  readonly #changed: () => void
  #watched: Watched = { kind: 'loading' }
  #isLive: boolean | undefined
  /** Undefined for the newest, whichever that is. */
  #version: number | undefined
  /** Where the page of history begins; undefined for one with the version. */
  #first: number | undefined
  #isReading = false
  #isStale = false
  #isClosed = false

  /** @param changed is called after every change of what this shows */
  constructor(source: EntitySource, changed: () => void) {
    this.#source = source
    this.#changed = changed
    source.onChange(() => this.refresh())
    source.onErase(() => this.refresh())
    source.ready.then(
      () => this.#setLive(true),
      () => this.#setLive(false),
    )
    this.refresh()
  }

  get watched(): Watched {
    return this.#watched
  }

  /** Whether changes arrive by themselves; undefined until that is known. */
  get isLive(): boolean | undefined {
    return this.#isLive
  }

  /** Whether the newest version is shown, also when there is a newer one. */
  get isNewest(): boolean {
    return this.#version === undefined
  }

  /** Shows a version, and the page of history with it; the newest one is followed from then on. */
  choose(version: number): void {
    this.#follow()
    const isNewest = this.#watched.kind === 'shown' && version >= this.#watched.newest.version
    if (!isNewest) this.#version = version
    this.refresh()
  }

  /** Shows the page of history that begins with a version, or as near to it as there is one. */
  turnTo(first: number): void {
    this.#first = first
    this.refresh()
  }

  /** Reads again, now or as soon as what is being read has come. */
  refresh(): void {
    this.#isStale = true
    if (!this.#isReading) void this.#readWhileStale()
  }

  close(): void {
    this.#isClosed = true
    this.#source.close()
  }

  #follow(): void {
    this.#version = undefined
    this.#first = undefined
  }

  #setLive(isLive: boolean): void {
    if (this.#isClosed) return
    this.#isLive = isLive
    this.#changed()
  }

  async #readWhileStale(): Promise<void> {
    this.#isReading = true
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false
      const watched = await this.#read().catch(failureOf)
      if (this.#isClosed) return
      if (watched.kind === 'absent' && this.#version !== undefined) {
        // It was erased with the version that was chosen. There may be a newer one.
        this.#follow()
        this.#isStale = true
        continue
      }
      this.#watched = watched
      this.#changed()
      await new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS))
    }
    this.#isReading = false
  }

  async #read(): Promise<Watched> {
    const [newest, [begin]] = await Promise.all([
      this.#source.get(),
      onlyPage(this.#source.history({ after: 0, limit: 1 })),
    ])
    const oldest = Math.max(1, (begin?.version ?? 1) - 1)
    const version = between(oldest, this.#version ?? newest.version, newest.version)
    // A page is full where the history is long enough.
    const first = between(begin?.version ?? 1, this.#first ?? firstOf(version), newest.version - HISTORY_PAGE + 1)
    const [shown, events] = await Promise.all([
      version === newest.version ? newest : this.#source.get({ version }),
      onlyPage(this.#source.history({ after: first - 1, limit: HISTORY_PAGE })),
    ])
    return { kind: 'shown', oldest, newest, shown, page: { first, events } }
  }
}

/** Where a page with a version begins: at the same versions, however the slider is moved. */
function firstOf(version: number): number {
  return version - ((version - 1) % HISTORY_PAGE)
}

/** The lower bound counts where the bounds contradict each other. */
function between(min: number, value: number, max: number): number {
  return Math.max(min, Math.min(value, max))
}

async function onlyPage<Page extends readonly unknown[]>(pages: AsyncIterable<Page>): Promise<Page> {
  for await (const page of pages) return page
  return [] as unknown as Page
}

function failureOf(error: unknown): Watched {
  // A version is `erased` where the entity was erased after the newest one was read.
  if (error instanceof TidegateError && (error.code === 'not_found' || error.code === 'erased'))
    return { kind: 'absent' }
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
}
