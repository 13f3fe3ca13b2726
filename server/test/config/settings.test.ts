import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readSettings, VARIABLES } from '../../src/config/settings/settings.ts'

describe('settings', () => {
  test('K-SET-1 readSettings - an option wins over its variable, which wins over the default', () => {
    expect(readSettings({}, {}).port).toBe(8080)
    expect(readSettings({}, { TIDEGATE_PORT: '9000' }).port).toBe(9000)
    expect(readSettings({ port: '9001' }, { TIDEGATE_PORT: '9000' }).port).toBe(9001)
  })

  test('K-SET-1 readSettings - an empty variable counts as absent', () => {
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
    [{ REDIS_URL: 'localhost:6379' }, 'it has no scheme: redis://'],
    [{ REDIS_URL: './redis.sock' }, 'it has no scheme: redis://'],
    [{ REDIS_URL: 'http://localhost:6379' }, 'its scheme is not known'],
    [{ REDIS_URL: 'redis-sentinel://localhost:26379' }, 'Sentinels have the scheme redis+sentinel://'],
    [{ REDIS_URL: 'redis-cluster://localhost' }, 'a cluster has the scheme redis+cluster://'],
    [{ REDIS_URL: 'redis+cluster://a,,b' }, 'it has no host'],
    [{ REDIS_URL: 'redis+cluster://a,b/1' }, 'a cluster has only database 0'],
    [{ REDIS_URL: 'redis+cluster://a?ca=b' }, 'behind the database there are only nat, each once'],
    [{ REDIS_URL: 'redis+sentinel://a,b' }, 'it must name their master'],
    [{ REDIS_URL: 'redis+sentinel://a,,b/main' }, 'it has no host'],
    [{ REDIS_URL: 'redis+sentinel://a:b/main' }, 'its host or port is not valid'],
    [{ REDIS_URL: 'redis+sentinel://a/main/x' }, 'its database, behind the host, must be a whole number'],
    [{ REDIS_URL: 'redis+sentinel://a/main?nat=b:1' }, 'nat is a list of host:port=host:port'],
    [
      { REDIS_URL: 'redis+sentinel://a/main?ca=b' },
      'behind the database there are only sentinelUser, sentinelPassword, nat, each once',
    ],
    [{ REDIS_URL: 'redis://localhost:65536' }, 'its host or port is not valid'],
    [{ REDIS_URL: 'redis://localhost:0' }, 'its port must be from 1 to 65535'],
    [{ REDIS_URL: 'redis:///1' }, 'it has no host'],
    [{ REDIS_URL: 'redis://localhost/foo' }, 'its database, behind the host, must be a whole number'],
    [{ REDIS_URL: 'redis://localhost/-1' }, 'its database, behind the host, must be a whole number'],
    [{ REDIS_URL: 'redis://localhost?db=1' }, 'nothing may follow the database'],
    [{ REDIS_URL: 'rediss://localhost?cert=a' }, 'cert and key go together'],
    [{ REDIS_URL: 'rediss://localhost?ca=' }, 'a parameter behind the database is empty'],
    [
      { REDIS_URL: 'rediss://localhost?ca=a&ca=b' },
      'behind the database there are only ca, cert, key, servername, each once',
    ],
    [{ REDIS_URL: 'rediss://localhost?rejectUnauthorized=0' }, 'there are only ca, cert, key, servername'],
    [{ REDIS_URL: 'redis://:5%@localhost' }, 'must be written as %25'],
    [{ TIDEGATE_HOST: ' ' }, 'TIDEGATE_HOST is " ": it must not be empty'],
  ])('K-SET-2 K-SET-4 readSettings - %j is refused with what to do', (environment, message) => {
    expect(() => readSettings({}, environment)).toThrow(message)
  })

  test('K-SET-2 readSettings - an option that cannot be used is named by its flag', () => {
    expect(() => readSettings({ port: 'x' }, {})).toThrow('--port is "x"')
  })

  test.each([
    'reds://:secret@host',
    'secret@host:6379',
    'redis:/:secret@host',
    'redis://user:se/cret@host',
    'redis://user:sec#ret@host',
    'redis://us:er:secret@host:port',
    'redis://:secret@host/foo',
    'redis://:secret@host:99999',
    'redis://:sec%ret@host',
    'redis //:secret@host',
    'redis+sentinel://:secret@a,b:c/main',
    'redis+sentinel://a,b?sentinelPassword=secret',
  ])('K-SET-3 readSettings - %s is refused without any part of it, nor in causes and stacks', (address) => {
    let refusal: unknown
    try {
      readSettings({}, { REDIS_URL: address })
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(Error)
    expect(inspect(refusal, { depth: 9, showHidden: true })).not.toMatch(/secret|cret@|ret@|#ret/)
  })

  test('K-SET-3 readSettings - nor is an address that was given to another setting', () => {
    expect(() => readSettings({}, { TIDEGATE_PORT: 'redis//:secret@host' })).toThrow(/^TIDEGATE_PORT cannot be used/)
  })
})
