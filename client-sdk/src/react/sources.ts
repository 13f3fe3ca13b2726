import type { TidegateClient } from '../client.ts'
import type { Follow } from './follow.ts'
import type { Live } from './live.ts'
import { Source } from './source.ts'

/** What components of one client follow, by a key that says everything about it. */
export class Sources {
  readonly #client: TidegateClient
  // Keys say which hook it is, and so what its data is.
  readonly #open = new Map<string, Source<unknown>>()

  constructor(client: TidegateClient) {
    this.#client = client
  }

  get<Data>(key: string): Source<Data> | undefined {
    return this.#open.get(key) as Source<Data> | undefined
  }

  /** @param loading what a new one has first */
  getOrOpen<Data>(key: string, follow: Follow<Data>, loading: Live<Data>): Source<Data> {
    const known = this.get<Data>(key)
    if (known !== undefined) return known
    const source = new Source(this.#client, follow, loading, nameOf(key), () => this.#open.delete(key))
    this.#open.set(key, source)
    return source
  }
}

const ofClients = new WeakMap<TidegateClient, Sources>()

export function sourcesOf(client: TidegateClient): Sources {
  let sources = ofClients.get(client)
  if (sources === undefined) {
    sources = new Sources(client)
    ofClients.set(client, sources)
  }
  return sources
}

/** The hook and its first argument. */
function nameOf(key: string): string {
  return (JSON.parse(key) as readonly unknown[]).slice(0, 2).join(' ')
}

/** The same text for equal values, whatever the order of their members. */
export function keyOf(...parts: readonly unknown[]): string {
  return JSON.stringify(parts, (_, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
