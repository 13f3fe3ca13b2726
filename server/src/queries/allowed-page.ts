import { allowsKey, type KeyScope } from '../access/index.ts'
import type { IndexedPage } from '../bus/index.ts'
import { QueryError } from './query-error.ts'

/** Pages of an index that are read for one of an answer: most keys of a value may be of others. */
const MAX_PAGES = 50
/** Keys of each, however few are asked for: otherwise it would be said of a few entities of others that they are there. */
const PAGE_KEYS = 100

/**
 * The next page of an index that has something for the caller. It names no other key, not even as the place of the page after.
 *
 * @param limit of what is asked for: there may be more
 */
export async function allowedPage(
  read: (after: string | undefined, count: number) => Promise<IndexedPage>,
  scope: KeyScope,
  after: string | undefined,
  limit: number,
): Promise<IndexedPage> {
  const count = scope.kind === 'all' ? limit : PAGE_KEYS
  let from = after
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await read(from, count)
    const keys = page.keys.filter((key) => allowsKey(scope, key))
    if (page.next === undefined) return { keys }
    if (keys.length > 0) return { keys, next: keys.at(-1)! }
    from = page.next
  }
  throw new QueryError('unsupported', 'Too many entities that the caller may not see have this value.')
}
