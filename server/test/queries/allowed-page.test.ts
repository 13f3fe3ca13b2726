import { expect, it } from 'vitest'
import type { KeyScope } from '../../src/access/index.ts'
import { allowedPage } from '../../src/queries/allowed-page.ts'

const others = Array.from({ length: 4_900 }, (_, i) => `a-${String(i).padStart(4, '0')}`)
const keys = [...others, 'me']

/** An index whose entities all have the value. */
function read(after: string | undefined, count: number) {
  const begin = after === undefined ? 0 : keys.indexOf(after) + 1
  const page = keys.slice(begin, begin + count)
  return Promise.resolve(begin + count < keys.length ? { keys: page, next: page.at(-1)! } : { keys: page })
}

it.each([1, 100])('ACC-DOOR-2 a search for %i does not tell that others have the value', async (limit) => {
  const own: KeyScope = { kind: 'listed', keys: new Set(['me']) }
  expect(await allowedPage(read, own, undefined, limit)).toEqual({ keys: ['me'] })
  expect(await allowedPage(read, { kind: 'all' }, undefined, limit)).toEqual({
    keys: others.slice(0, limit),
    next: others[limit - 1],
  })
})
