import { type Abortable, abortable } from '../application/abort-signal.ts'
import type { QueryPage } from './queries.ts'

export type Params = Readonly<Record<string, unknown>>

/** Whoever answers queries: a client, or one that reads. */
export interface Asks {
  /** Members of `params` that are undefined are as good as absent. */
  queryPage(name: string, params?: Params, options?: Abortable): Promise<QueryPage>
}

/** What is read page by page, as it is iterated. Each iteration reads anew. */
export interface Read<Item> extends AsyncIterable<Item> {
  /** All of it. */
  toArray(): Promise<Item[]>
}

/** One page. @throws TidegateError as `query` does; the reason of the signal */
export function pageOf(client: Asks, query: string, params: Params, { signal }: Abortable): Promise<QueryPage> {
  return abortable(signal, client.queryPage(query, params, { signal }))
}

/** The data of all pages, one by one. @param from where the first one begins */
export async function* pagesOf(
  client: Asks,
  query: string,
  params: Params,
  options: Abortable,
  from?: string,
): AsyncGenerator<unknown, void, undefined> {
  let after = from
  do {
    const { data, next } = await pageOf(client, query, { ...params, after }, options)
    yield data
    after = next
  } while (after !== undefined)
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
