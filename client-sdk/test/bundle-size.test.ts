import { expect, test } from 'vitest'
import { BUNDLES, bundleSize } from '../../scripts/bundle-size.ts'

test.each(BUNDLES)('PK-SIZE-1 bundle - of $what, is within its budget', async ({ code, limit }) => {
  expect(await bundleSize(code, 'sources')).toBeLessThanOrEqual(limit)
})
