import { expect, it } from 'vitest'
import { TokenRenewals } from '../../src/gateway/token-renewals.ts'

it('ACC-DOOR-8 tokens are checked one at a time in their order, and of those that come meanwhile the last', async () => {
  const checked: string[] = []
  const ends: (() => void)[] = []
  const renewals = new TokenRenewals((token) => {
    checked.push(token)
    return new Promise((resolve) => ends.push(resolve))
  })
  for (const token of ['a', 'b', 'c', 'd']) renewals.show(token)
  expect(checked).toEqual(['a'])
  ends[0]!()
  await expect.poll(() => checked).toEqual(['a', 'd'])
  renewals.show('e')
  expect(checked).toEqual(['a', 'd'])
  ends[1]!()
  await expect.poll(() => checked).toEqual(['a', 'd', 'e'])
  ends[2]!()
  // Whether the last one is over or not.
  renewals.show('f')
  await expect.poll(() => checked).toEqual(['a', 'd', 'e', 'f'])
})
