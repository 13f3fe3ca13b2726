import { expect, test } from 'vitest'
import { sourceFiles } from '../../../scripts/source-files.ts'

const MAX_LINES = 500

test('files - no source has more than 500 lines', () => {
  const long = sourceFiles('.ts', '.tsx', '.js', '.lua', '.css', '.html')
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
  expect(long).toEqual([])
})
