import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BUNDLES, bundleSize } from '../../scripts/bundle-size.ts'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test.each(BUNDLES)(
  'PK-SIZE-1 bundle - of $what, is within its budget, which the README says',
  async ({ code, limit }) => {
    expect(await bundleSize(code, 'sources')).toBeLessThanOrEqual(limit)
    expect(README).toContain(`| ${limit / 1_000} kB |`)
  },
)
