import { describe, expect, test } from 'vitest'
import { formatVersion, parseVersion } from '../../src/entities/index.ts'

describe('expected version', () => {
  test('CMD-CHECK-2 parses numbers and version@epoch, and reads back what was written', () => {
    expect(parseVersion(0)).toEqual({ version: 0 })
    expect(parseVersion('12')).toEqual({ version: 12 })
    const version = { version: 3, epoch: 'k2x9' }
    expect(parseVersion(formatVersion(version))).toEqual(version)
  })

  test.each([
    -1,
    1.5,
    Number.NaN,
    2 ** 53,
    '',
    '-1',
    '1@',
    '@1',
    '1@E',
    '1e3',
    ' 1',
    '1@a@b',
    `${'9'.repeat(16)}`,
    null,
    {},
  ])('CMD-CHECK-2 refuses %j', (value) => expect(parseVersion(value)).toBeUndefined())
})
