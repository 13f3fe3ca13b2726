import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Accounts } from '../../src/limits/accounts.ts'
import { DEFAULT_LIMITS, type LimitName, Limits, parseLimits, TokenBucket } from '../../src/limits/index.ts'

/** Each test begins anew. */
const clock = { now: 0, monotonic: (): number => clock.now }

function limitsOf(text: string) {
  clock.now = 0
  const refused: LimitName[] = []
  const limits = new Limits({ settings: parseLimits(text), clock, onRefused: (limit) => refused.push(limit) })
  const open = (name: string, isLoopback = false) => limits.open({ name, isLoopback, isProxied: false })
  return { limits, open, refused }
}

describe('rates', () => {
  it('LIM-RATE-1 no more passes than the burst and what the time allows, and whoever waits as told passes', () => {
    const afterMs = fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.double({ min: 0, max: 3_000, noNaN: true }))
    const steps = fc.array(fc.tuple(afterMs, fc.integer({ min: 1, max: 40 })))
    const startedAt = fc.double({ min: 0, max: 1e10, noNaN: true })
    fc.assert(
      fc.property(startedAt, steps, (start, sent) => {
        const bucket = new TokenBucket(10, 50, start)
        let now = start
        let passed = 0
        for (const [afterMs, amount] of sent) {
          now += afterMs
          const waitMs = bucket.waitMs(amount, now)
          if (waitMs > 0) {
            expect(bucket.waitMs(amount, now + waitMs)).toBe(0)
            now += waitMs
          }
          bucket.take(amount, now)
          passed += amount
          expect(passed).toBeLessThanOrEqual(50 + (now - start) / 100 + 1e-4)
        }
      }),
      {
        examples: [
          [
            0,
            [
              [0, 31],
              [2, 20],
              [146, 12],
            ],
          ],
        ],
      },
    )
  })

  it('LIM-RATE-2 what is larger than the burst passes when nothing was used, and is paid for', () => {
    const bucket = new TokenBucket(10, 50, 0)
    expect(bucket.waitMs(500, 0)).toBe(0)
    bucket.take(500, 0)
    expect(bucket.waitMs(1, 0)).toBe(45_100)
    const used = new TokenBucket(10, 50, 0)
    used.take(1, 0)
    expect(used.waitMs(500, 0)).toBe(100)
  })

  it('LIM-RATE-1 an address that has sent too much is told when it may go on; others, and loopback, are not touched', () => {
    const { open, refused } = limitsOf('address.frames=10')
    const client = open('192.0.2.1')
    for (let i = 0; i < 20; i++) expect(client.frame(1)).toBeUndefined()
    expect(client.frame(1)).toMatchObject({ limit: 'address.frames', code: 'rate_limited', retryAfterMs: 100 })
    expect(open('192.0.2.1').frame(1)?.limit).toBe('address.frames')
    expect(open('192.0.2.2').frame(1)).toBeUndefined()
    const local = open('127.0.0.1', true)
    for (let i = 0; i < 100; i++) expect(local.frame(1)).toBeUndefined()
    clock.now = 100
    expect(client.frame(1)).toBeUndefined()
    expect(refused).toEqual(['address.frames', 'address.frames'])
  })

  it('LIM-ADDR-4 loopback is limited if the settings say so', () => {
    const { open } = limitsOf('address.frames=1,loopback=on')
    const local = open('127.0.0.1', true)
    expect([local.frame(1), local.frame(1), local.frame(1)?.limit]).toEqual([undefined, undefined, 'address.frames'])
  })
})

describe('keys', () => {
  it('LIM-RATE-3 what has come or was read is paid for afterwards, and nothing more passes until then', () => {
    const { open } = limitsOf('address.bytes=1000,address.reads=100000,connection.starts=10')
    const client = open('192.0.2.1')
    expect(client.received(5_000, 1)).toBeUndefined()
    expect(client.received(1, 1)).toMatchObject({ limit: 'address.bytes', retryAfterMs: 3_000 })
    // The part that came all the same, 512 as the least, is paid for too.
    clock.now = 3_512
    expect(client.received(1, 1)).toBeUndefined()
    expect(client.readWaitMs()).toBe(0)
    client.chargeRead(10, true)
    client.chargeRead(300_000, false)
    expect(client.readWaitMs()).toBe(1_164)
    expect(open('192.0.2.1').overdrawn('reads')?.code).toBe('rate_limited')
    expect(open('192.0.2.2').readWaitMs()).toBe(0)
  })

  it('LIM-RATE-4 rates of a connection hold for loopback too, and are free of those of others', () => {
    const { open } = limitsOf('connection.starts=10')
    const client = open('::1', true)
    client.charge('starts', 50)
    expect(client.overdrawn('starts')).toMatchObject({
      limit: 'connection.starts',
      code: 'rate_limited',
      retryAfterMs: 1_000,
    })
    expect(open('::1', true).overdrawn('starts')).toBeUndefined()
    clock.now = 1_000
    expect(client.overdrawn('starts')).toBeUndefined()
  })

  it('LIM-KEYS-1 counts different keys, until the hour is over', () => {
    const { open } = limitsOf('address.keys=5000')
    const client = open('192.0.2.1')
    const send = (keys: string[]) => {
      clock.now += 100
      return client.keys(() => keys)
    }
    const keysOf = (page: number) => Array.from({ length: 100 }, (_, i) => `k${page}-${i}`)
    for (let i = 0; i < 500; i++) expect(send(keysOf(0))).toBeUndefined()
    let pages = 1
    while (send(keysOf(pages)) === undefined) pages++
    expect(pages).toBeGreaterThan(47)
    expect(pages).toBeLessThan(54)
    expect(send(keysOf(0))).toMatchObject({ limit: 'address.keys', retryAfterMs: 60_000 })
    clock.now += 3_600_000
    expect(send(keysOf(999))).toBeUndefined()
  })

  it('LIM-KEYS-1 few keys are counted exactly', () => {
    const { open } = limitsOf('address.keys=3')
    const client = open('192.0.2.1')
    for (const key of ['a', 'b', 'a', 'c']) {
      expect(client.keys(() => [key])).toBeUndefined()
      clock.now += 100
    }
    expect(client.keys(() => ['a'])?.limit).toBe('address.keys')
  })
})

describe('what is held', () => {
  it('LIM-HOLD-1 counts everywhere or nowhere, and is free at the end', () => {
    const text = 'connection.queries=3,address.queries=5,gateway.bodyBytes=100'
    const { limits, open } = limitsOf(text)
    const [one, two] = [open('192.0.2.1'), open('192.0.2.1')]
    for (let i = 0; i < 3; i++) expect(one.hold('queries', 1)).toBeUndefined()
    expect(one.hold('queries', 1)).toMatchObject({ limit: 'connection.queries', code: 'rate_limited' })
    for (let i = 0; i < 2; i++) expect(two.hold('queries', 1)).toBeUndefined()
    expect(two.hold('queries', 1)?.limit).toBe('address.queries')
    expect(limits.gateway.held('queries')).toBe(5)
    one.close()
    one.close()
    one.release('queries', 1)
    expect(limits.gateway.held('queries')).toBe(2)
    expect(two.hold('queries', 1)).toBeUndefined()
    expect(limits.hold('bodyBytes', 100)).toBeUndefined()
    expect(limits.hold('bodyBytes', 1)).toMatchObject({ limit: 'gateway.bodyBytes', code: 'overloaded' })
  })

  it('LIM-HOLD-2 what is held before the caller is known counts for it', () => {
    const { open } = limitsOf('caller.connections=1')
    const [one, two] = [open('192.0.2.1'), open('192.0.2.2')]
    expect([one.hold('connections', 1), two.hold('connections', 1)]).toEqual([undefined, undefined])
    expect(one.identify('a')).toBeUndefined()
    expect(two.identify('a')).toMatchObject({ limit: 'caller.connections', code: 'rate_limited' })
    two.close()
    one.close()
    const three = open('192.0.2.2')
    three.hold('connections', 1)
    expect(three.identify('a')).toBeUndefined()
    expect(three.identify(undefined)).toBeUndefined()
  })

  it('LIM-IDLE-1 coming back is no new beginning, and only so many of the idle are remembered', () => {
    const { open } = limitsOf('address.events=10')
    const first = open('192.0.2.1')
    first.events(20)
    first.close()
    expect(open('192.0.2.1').events(1)?.limit).toBe('address.events')

    const accounts = new Accounts('address', {}, 3)
    const kept = accounts.use('kept')
    for (let i = 0; i < 100; i++) {
      accounts.use(`${i}`)
      accounts.leave(`${i}`)
    }
    expect(accounts.size).toBe(4)
    expect(accounts.use('kept')).toBe(kept)
  })
})

describe('settings', () => {
  it('LIM-SET-1 changes what is named', () => {
    const { of, includesLoopback } = parseLimits('address.frames=5, caller.keys=off')
    expect(of.address).toEqual({ ...DEFAULT_LIMITS.address, frames: 5 })
    expect(of.caller.keys).toBe(Number.POSITIVE_INFINITY)
    expect([of.gateway, includesLoopback]).toEqual([DEFAULT_LIMITS.gateway, false])
    expect(parseLimits('').of).toEqual(DEFAULT_LIMITS)
    expect(parseLimits('loopback=on').includesLoopback).toBe(true)
  })

  it.each(['frames=5', 'address.nothing=5', 'address.frames', 'address.frames=-1', 'address.frames=1=2', 'loopback=5'])(
    'LIM-SET-1 %s is refused by name',
    (text) => {
      expect(() => parseLimits(text)).toThrow(text.split('=')[0])
    },
  )
})
