import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PAGES } from '../../../scripts/docs.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'

test.each(Object.entries(PAGES))('%s - is what the code says now; `npm run docs` writes it', (path, text) => {
  expect(readFileSync(join(REPOSITORY, path), 'utf8')).toBe(text())
})
