import { describe, expect, test } from 'vitest'
import { formatVersion, parseExpectedVersion } from '../../src/commands/index.ts'

describe('expected version', () => {
  test('CMD-CHECK-2 parses numbers and version@epoch, and reads back what was written', () => {
    expect(parseExpectedVersion(0)).toEqual({ version: 0 })
    expect(parseExpectedVersion('12')).toEqual({ version: 12 })
    const version = { version: 3, epoch: 'k2x9' }
    expect(parseExpectedVersion(formatVersion(version))).toEqual(version)
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
  ])('CMD-CHECK-2 refuses %j', (value) => expect(parseExpectedVersion(value)).toBeUndefined())
})
