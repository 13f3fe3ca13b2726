import { expect, test } from 'vitest'
import { HEAP_OPTIONS, missingHeapOptions } from '../../src/heap-options.ts'

test('S-CHILD-7 missingHeapOptions - what the starter chose stays, however it is spelt', () => {
  expect(missingHeapOptions([])).toEqual(HEAP_OPTIONS)
  expect(missingHeapOptions(HEAP_OPTIONS)).toEqual([])
  expect(missingHeapOptions(['--inspect', '--max_semi_space_size=16'])).toEqual(
    HEAP_OPTIONS.filter((option) => !option.startsWith('--max-semi')),
  )
})
