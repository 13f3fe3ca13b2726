import { describe, expect, test } from 'vitest'
import { readSettings, VARIABLES } from '../../src/config/settings.ts'

describe('settings', () => {
  test('readSettings - an option wins over its variable, which wins over the default (K-SET-1)', () => {
    expect(readSettings({}, {}).port).toBe(8080)
    expect(readSettings({}, { TIDEGATE_PORT: '9000' }).port).toBe(9000)
    expect(readSettings({ port: '9001' }, { TIDEGATE_PORT: '9000' }).port).toBe(9001)
  })

  test('readSettings - an empty variable counts as absent (K-SET-1)', () => {
    expect(readSettings({}, { REDIS_URL: '', TIDEGATE_PARTITIONS: '' })).toMatchObject({
      redisUrl: undefined,
      partitions: 8,
    })
  })

  test('readSettings - is frozen', () => {
    expect(Object.isFrozen(readSettings({}, {}))).toBe(true)
  })

  test('readSettings - holds every variable of the table', () => {
    expect(Object.keys(readSettings({}, {})).sort()).toEqual(Object.keys(VARIABLES).sort())
  })

  test.each([
    [{ TIDEGATE_PORT: '65536' }, 'TIDEGATE_PORT is "65536": it must be a whole number from 0 to 65535'],
    [{ TIDEGATE_PORT: '80.5' }, 'TIDEGATE_PORT is "80.5": it must be a whole number from 0 to 65535'],
    [{ TIDEGATE_PARTITIONS: '0' }, 'TIDEGATE_PARTITIONS is "0": it must be a whole number from 1 to 1024'],
    [{ TIDEGATE_LOG_LEVEL: 'loud' }, 'it must be one of debug, info, warn, error, silent'],
    [{ REDIS_URL: 'localhost:6379' }, 'it must be redis://host:port, rediss://host:port or the path of a unix socket'],
    [{ TIDEGATE_HOST: ' ' }, 'TIDEGATE_HOST is " ": it must not be empty'],
  ])('readSettings - %j is refused with what to do (K-SET-2)', (environment, message) => {
    expect(() => readSettings({}, environment)).toThrow(message)
  })

  test('readSettings - an option that cannot be used is named by its flag (K-SET-2)', () => {
    expect(() => readSettings({ port: 'x' }, {})).toThrow('--port is "x"')
  })

  test('readSettings - a password in a refused address is not printed (K-SET-3)', () => {
    expect(() => readSettings({}, { REDIS_URL: 'reds://:secret@host' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
