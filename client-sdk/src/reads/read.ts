import { type Abortable, abortable } from '../abort-signal.ts'
import type { QueryPage } from '../queries.ts'

export type Params = Readonly<Record<string, unknown>>

/** Whoever answers queries: a client, or a subscriber. */
export interface Asks {
  queryPage(name: string, params?: Params, options?: Abortable): Promise<QueryPage>
}

/** What is read page by page, as it is iterated. Each iteration reads anew. */
export interface Read<Item> extends AsyncIterable<Item> {
  /** All of it. */
  toArray(): Promise<Item[]>
}

export function readOf<Item>(items: () => AsyncGenerator<Item, void, undefined>): Read<Item> {
  return {
    [Symbol.asyncIterator]: items,
    async toArray() {
      const all: Item[] = []
      for await (const item of items()) all.push(item)
      return all
    },
  }
}

/** One page. @throws TidegateError as `query` does; the reason of the signal */
export function pageOf(client: Asks, query: string, params: Params, { signal }: Abortable): Promise<QueryPage> {
  signal?.throwIfAborted()
  return abortable(signal, client.queryPage(query, params, { signal }))
}

/** Members that are there: a frame does not have the others. */
export function present(params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
}
