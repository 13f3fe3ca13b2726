import { warn } from '../application/warn.ts'
import type { TidegateClient } from '../client.ts'
import { clientError, type TidegateError } from '../errors/errors.ts'
import type { Gap } from '../subscriptions/gap.ts'
import type { Follow, Followed } from './follow.ts'
import { onNextFrame } from './frames.ts'
import type { Live, LiveStatus } from './live.ts'

/** StrictMode mounts everything twice, and pages that are left are entered again: neither subscribes anew. */
const LINGER_MS = 300
/** For a component that suspends: until it is mounted, nothing of it shows that it still exists. */
const SUSPENDED_MS = 30_000

/** Something that components follow: one subscription for all of them, read once a frame. Open from its construction on. */
export class Source<Data> {
  readonly #client: TidegateClient
  readonly #followed: Followed<Data>
  readonly #stopStatus: () => void
  readonly #closed: () => void
  readonly #listeners = new Set<() => void>()
  #live: Live<Data>
  #wasReady = false
  #hasChanged = false
  #error: TidegateError | undefined
  #gap: Gap | undefined
  #closing: ReturnType<typeof setTimeout> | undefined
  readonly #settled: Promise<void>
  #settle!: () => void

  /** @param name of what is followed, for the console @param closed called when nobody has listened for a while */
  constructor(client: TidegateClient, follow: Follow<Data>, loading: Live<Data>, name: string, closed: () => void) {
    this.#client = client
    this.#live = loading
    this.#closed = closed
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#stopStatus = client.onStatus(this.#touch)
    this.#followed = follow(client, {
      changed: () => {
        this.#hasChanged = true
        this.#touch()
      },
      ready: () => {
        this.#wasReady = true
        this.#touch()
      },
      failed: (error) => {
        this.#error = error
        // Components that do not look at `error` show nothing, for ever.
        if (error.code !== 'closed') warn(`${name}: ${error.message} [${error.code}]`)
        this.#touch()
      },
      gap: (gap) => {
        this.#gap = gap
        this.#touch()
      },
    })
  }

  /** Whether it ever had what it follows. */
  get wasReady(): boolean {
    return this.#wasReady
  }

  get live(): Live<Data> {
    return this.#live
  }

  /** Calls back at most once a frame. Returns what ends that. */
  listen(listener: () => void): () => void {
    clearTimeout(this.#closing)
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#closeIn(LINGER_MS)
    }
  }

  /** For a component that is not mounted yet. Resolves when it should be rendered again. */
  suspend(): Promise<void> {
    if (this.#listeners.size === 0) this.#closeIn(SUSPENDED_MS)
    return this.#settled
  }

  #closeIn(ms: number): void {
    clearTimeout(this.#closing)
    this.#closing = setTimeout(() => {
      this.#stopStatus()
      this.#followed.close()
      this.#closed()
      this.#settle()
    }, ms)
  }

  readonly #touch = () => onNextFrame(this.#refresh)

  readonly #refresh = () => {
    const next = this.#next(this.#hasChanged ? this.#followed.read() : this.#live.data)
    this.#hasChanged = false
    const { status, error, gap } = this.#live
    const isNews = next.status !== status || next.error !== error || next.gap !== gap || next.data !== this.#live.data
    if (!isNews) return
    this.#live = next
    if (next.status !== 'loading') this.#settle()
    // Rendered again later, it should try again.
    if (next.status === 'failed' && this.#listeners.size === 0) this.#closeIn(LINGER_MS)
    for (const listener of this.#listeners) listener()
  }

  #next(data: Data): Live<Data> {
    const { state } = this.#client.status.get()
    if (state === 'closed') this.#error ??= clientError('closed')
    return { data, status: this.#statusAt(state === 'online'), error: this.#error, gap: this.#gap }
  }

  #statusAt(isOnline: boolean): LiveStatus {
    if (this.#error !== undefined) return 'failed'
    if (!this.#wasReady) return 'loading'
    return isOnline ? 'live' : 'stale'
  }
}
