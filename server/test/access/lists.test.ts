import { createHash } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MAX_KEYS, MAX_REVOCATIONS } from '../../src/access/access-list.ts'
import { HeldRevocations } from '../../src/access/held-revocations.ts'
import type { AccessSettings, Caller } from '../../src/access/index.ts'
import { Access, addKey, listKeys, mintToken, revoke, revokeKeys } from '../../src/access/index.ts'
import { Recent } from '../../src/access/recent.ts'
import { type Bus, BusUnavailable } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { ResolvedRule } from '../../src/config/access/access-model.ts'
import { openTestBus } from '../support/bus.ts'
import { contract } from '../support/contract.ts'
import { EventStream } from '../support/event-stream.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useRedis } from '../support/use-redis.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const SETTINGS: AccessSettings = { anonymous: 'rules', secret: SECRET, toleranceSeconds: 0, rightsClaim: 'tidegate' }
const DAY_MS = 86_400_000

const server = await useGateway(contract, { access: SETTINGS })
// Of doors alone: a gateway stores revocations again that are removed before a test.
const { server: store, redis } = await useRedis({ partitions: 4 })
let bus: Bus
const doors: Access[] = []

beforeEach(async () => {
  bus = await openTestBus(store.url, 4)
})
afterEach(() => {
  for (const door of doors.splice(0)) door.close()
  bus.close()
})

/** The door of a gateway that starts now. */
async function door({
  rules = [],
  now = () => Date.now(),
}: {
  rules?: readonly ResolvedRule[]
  now?: () => number
} = {}) {
  let changes = 0
  const failures: unknown[] = []
  const access = new Access({
    settings: SETTINGS,
    rules,
    declared: contract,
    store: bus.access(),
    now,
    onChange: () => changes++,
    fail: (error) => void failures.push(error),
  })
  await access.start()
  doors.push(access)
  const says = async (kind: 'token' | 'ticket', text: string) => {
    const result = await access.authenticate({ kind, text })
    return result.kind === 'refused' ? result.reason : result.subject
  }
  return { access, says, failures, changes: () => changes }
}

const keyOf = (name: string, allow: Record<string, unknown> = {}, isBeside = false) =>
  addKey(bus.access(), { name, allow, isBeside }, Date.now())
const tokenOf = (subject: string, now = Date.now(), lifeMs = 3_600_000) =>
  mintToken({ secret: SECRET, rightsClaim: 'tidegate' }, { subject, claims: {}, allow: { query: ['>'] }, lifeMs }, now)
/** One that `mintToken` would not make. */
const longLived = (issuedAt: number) =>
  new SignJWT({ sub: 'ann' })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt(Math.floor(issuedAt / 1_000))
    .setExpirationTime(Math.floor((issuedAt + 120 * DAY_MS) / 1_000))
    .sign(Buffer.from(SECRET))
const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` } })
const callerBy = async (access: Access, text: string) => (await access.authenticate({ kind: 'token', text })) as Caller
const STREAM = `${server.url}/v1/stream?topic=sensor.reading`

describe('rights', () => {
  it('ACC-RIGHTS-6 are one object for callers with equal grants, and others for others', async () => {
    const { access } = await door()
    const tokens = [
      (await tokenOf('ann')).text,
      (await tokenOf('bob')).text,
      (await keyOf('reader', { query: ['>'] })).text,
      (await keyOf('narrow', { query: ['sensor.*'] })).text,
    ]
    await access.start()
    const callers = await Promise.all(tokens.map((token) => callerBy(access, token)))
    expect(callers.map(({ subject }) => subject)).toEqual(['ann', 'bob', 'key:reader', 'key:narrow'])
    const rights = callers.map(({ rights }) => rights)
    expect(rights.map((each) => rights.indexOf(each))).toEqual([0, 0, 0, 3])
    expect(rights.map((each) => each.covers('query', 'shop.order'))).toEqual([true, true, true, false])
  })

  it('ACC-RIGHTS-6 of the last callers are kept, and of no more', () => {
    let made = 0
    const recent = new Recent((text) => ({ text, nth: made++ }))
    for (let i = 0; i < 1_001; i++) recent.of(`${i}`)
    expect([recent.of('1').nth, recent.of('0').nth]).toEqual([1, 1_001])
    const long = 'x'.repeat(10_000)
    expect(recent.of(long)).not.toBe(recent.of(long))
  })
})

describe('what a token or key hides', () => {
  const reading = (hide: object) => ({ subscribe: ['sensor.reading'], hide })
  it.each([
    ['a field that is there', { 'sensor.reading': ['temperature'] }, 'ann'],
    ['a field that is not', { 'sensor.reading': ['temprature'] }, 'hide: sensor.reading has no field temprature'],
    [
      'a topic that is not',
      { 'sensor.raeding': ['temperature'] },
      'hide: there is no topic and no entity sensor.raeding',
    ],
  ])('ACC-VIEW-6 %s', async (_, hide, expected) => {
    const given = { subject: 'ann', claims: {}, allow: reading(hide), lifeMs: 60_000 }
    const token = await mintToken({ secret: SECRET, rightsClaim: 'tidegate' }, given, Date.now())
    const key = await keyOf('robot', reading(hide))
    const { says } = await door()
    expect(await says('token', token.text)).toBe(expected)
    expect(await says('token', key.text)).toBe(expected === 'ann' ? 'key:robot' : expected)
  })
})

describe('keys', () => {
  it('ACC-KEY-1 count with their secret only; Redis has a hash of it', async () => {
    const { text, id } = await keyOf('robot')
    const { says } = await door()
    const secret = text.split('_').slice(2).join('_')
    expect(await says('token', text)).toBe('key:robot')
    for (const wrong of [
      `tgk_${id}_${'A'.repeat(43)}`,
      `tgk_${'a'.repeat(12)}_${secret}`,
      `tgk_${id}_`,
      `tgk_${id}_${secret}A`,
      `tgk_${id}`,
      'tgk_',
    ]) {
      expect(await says('token', wrong)).toBe('no such key')
    }
    expect(JSON.parse((await redis.hget(keys.accessKeys, id))!)).toMatchObject({
      name: 'robot',
      hash: createHash('sha256').update(secret).digest('base64url'),
    })
  })

  it('ACC-KEY-2 have their own rights and those of rules for keys; two of a name are one caller', async () => {
    const [first, second] = [await keyOf('a', { publish: ['x.*:$sub'] }), await keyOf('a', {}, true)]
    const other = await keyOf('b')
    const grants = [{ operation: 'query', selector: 'y.*', key: { kind: 'all' } }] as const
    const { access } = await door({ rules: [{ caller: 'key', when: new Map(), grants }] })
    const callers = await Promise.all([first, second, other].map(({ text }) => callerBy(access, text)))
    expect(callers.map(({ rights }) => rights.keys('publish', 'x.z').kind)).toEqual(['listed', 'none', 'none'])
    expect(callers[0]!.rights.keys('publish', 'x.z')).toEqual({ kind: 'listed', keys: new Set(['key:a']) })
    expect(callers.map(({ rights }) => rights.covers('query', 'y.z'))).toEqual([true, true, true])
    const [one, same, another] = callers.map(({ namespace }) => namespace)
    expect([one === same, one === another]).toEqual([true, false])
  })

  it('ACC-KEY-3 are known to gateways soon after they are created, and soon after they are revoked no more', async () => {
    const { access, says, changes } = await door()
    const { text, id } = await keyOf('late')
    await expect.poll(() => says('token', text)).toBe('key:late')
    const caller = await callerBy(access, text)
    expect(access.admits(caller)).toBe(true)
    const before = changes()
    await revokeKeys(bus.access(), id, Date.now())
    await expect.poll(() => access.admits(caller)).toBe(false)
    expect(changes()).toBeGreaterThan(before)
  })

  it('ACC-KEY-4 are so many at most', async () => {
    const record = JSON.stringify({ name: 'n', hash: '', allow: {}, createdAt: 0 })
    await redis.hset(keys.accessKeys, Object.fromEntries(Array.from({ length: MAX_KEYS }, (_, n) => [`k${n}`, record])))
    await expect(keyOf('one-more')).rejects.toThrow(/no more fit/)
  })
})

describe('tickets', () => {
  const ticketOf = async (text: string) => {
    const response = await fetch(`${server.url}/v1/tickets`, { method: 'POST', ...bearer(text) })
    return ((await response.json()) as { ticket: string }).ticket
  }

  it('ACC-TICKET-1 let in one stream as the one who asked, and nothing else', async () => {
    const { text } = await mintToken(
      { secret: SECRET, rightsClaim: 'tidegate' },
      { subject: 'ann', claims: {}, allow: { subscribe: ['sensor.*'], query: ['sensor.*'] }, lifeMs: 60_000 },
      Date.now(),
    )
    const ticket = await ticketOf(text)
    // Not by what is no stream, which leaves it unused.
    expect((await fetch(`${server.url}/v1/topics?ticket=${ticket}`)).status).toBe(401)
    expect((await fetch(`${STREAM}&ticket=${ticket}x`)).status).toBe(401)
    const stream = await EventStream.open(`${STREAM}&ticket=${ticket}`)
    expect(stream.response.status).toBe(200)
    expect((await fetch(`${STREAM}&ticket=${ticket}`)).status).toBe(401)
    const elsewhere = await ticketOf(text)
    const other = `${server.url}/v1/stream?topic=commerce.payment_received&ticket=${elsewhere}`
    expect((await fetch(other)).status).toBe(404)
    stream.close()
  })

  it('ACC-TICKET-2 wait for half a minute, and Redis has a hash of them', async () => {
    const { access } = await door()
    const { text } = await tokenOf('ann')
    const ticket = await access.createTicket(await callerBy(access, text))
    const stored = (await redis.keys(`${keys.ticket('')}*`)).find((name) => !name.includes(ticket))!
    expect(stored).toBe(keys.ticket(createHash('sha256').update(ticket).digest('base64url')))
    const lifeMs = await redis.pttl(stored)
    expect(lifeMs).toBeGreaterThan(0)
    expect(lifeMs).toBeLessThanOrEqual(30_000)
  })

  it('ACC-TICKET-1 count once, of however many gateways that see one at the same time', async () => {
    const [one, other] = [await door(), await door()]
    const { text } = await tokenOf('ann')
    for (let n = 0; n < 20; n++) {
      const ticket = await one.access.createTicket(await callerBy(one.access, text))
      const answers = await Promise.all([one, other, one, other].map(({ says }) => says('ticket', ticket)))
      expect(answers.filter((answer) => answer === 'ann')).toHaveLength(1)
    }
  })

  it('ACC-TICKET-3 are worth what their owner is when they are used: nothing once it is revoked or expired', async () => {
    let now = Date.now()
    const { access, says } = await door({ now: () => now })
    const [mine, other] = [await tokenOf('ann'), await tokenOf('bob')]
    const ticketOf = async ({ text }: { text: string }) => access.createTicket(await callerBy(access, text))
    const [revoked, expired] = [await ticketOf(mine), await ticketOf(other)]
    await revoke(bus.access(), { kind: 'sub', subject: 'ann' }, Date.now())
    await expect.poll(() => says('token', mine.text)).toBe('revoked')
    expect(await says('ticket', revoked)).toBe('revoked')
    now += 2 * 3_600_000
    expect(await says('ticket', expired)).toBe('expired')
  })
})

describe('revocations', () => {
  it('ACC-REVOKE-1 of a subject refuse what was issued to it until then, and nothing later or of others', async () => {
    // A token that is issued later than it is revoked is not one of the future.
    const now = Date.now() - 2_000
    await revoke(bus.access(), { kind: 'sub', subject: 'ann' }, now)
    const { says } = await door()
    expect(await says('token', (await tokenOf('ann', now - 60_000)).text)).toBe('revoked')
    // Tokens count seconds: one of the same second is refused.
    expect(await says('token', (await tokenOf('ann', now)).text)).toBe('revoked')
    expect(await says('token', (await tokenOf('ann', now + 1_000)).text)).toBe('ann')
    expect(await says('token', (await tokenOf('ann2', now - 60_000)).text)).toBe('ann2')
  })

  it('ACC-REVOKE-1 of a subject named like an id of a token are not of that token', async () => {
    const token = await tokenOf('ann')
    await revoke(bus.access(), { kind: 'sub', subject: token.id }, Date.now())
    const { says } = await door()
    expect(await says('token', token.text)).toBe('ann')
    await revoke(bus.access(), { kind: 'jti', id: token.id }, Date.now())
    await expect.poll(() => says('token', token.text)).toBe('revoked')
    expect(await says('token', (await tokenOf('ann')).text)).toBe('ann')
  })

  it('ACC-REVOKE-2 are kept for as long as a token they are about may count, and so many at most', async () => {
    const now = Date.now()
    await revoke(bus.access(), { kind: 'sub', subject: 'old' }, now - 91 * DAY_MS)
    await revoke(bus.access(), { kind: 'sub', subject: 'young' }, now - 89 * DAY_MS)
    // Of a certificate, and once more of all it has.
    await revoke(bus.access(), { kind: 'sub', subject: 'device' }, now - 120 * DAY_MS, 3_650)
    await revoke(bus.access(), { kind: 'sub', subject: 'device' }, now - 110 * DAY_MS)
    await revoke(bus.access(), { kind: 'sub', subject: 'new' }, now)
    expect((await redis.hkeys(keys.revocations)).sort()).toEqual(['sub device', 'sub new', 'sub young'])
    const record = JSON.stringify({ at: now, until: now + DAY_MS })
    const others = Array.from({ length: MAX_REVOCATIONS - 3 }, (_, n) => [`jti ${n}`, record])
    await redis.hset(keys.revocations, Object.fromEntries(others))
    await expect(revoke(bus.access(), { kind: 'jti', id: 'x' }, now)).rejects.toThrow(/no more fit/)
    await revoke(bus.access(), { kind: 'sub', subject: 'new' }, now)
  })

  it('ACC-REVOKE-2 a token counts its life from its issue: none is young again when little of it is left', async () => {
    const { says } = await door()
    const issuedAt = Date.now() - 60 * DAY_MS
    const { text } = await tokenOf('ann', issuedAt, 90 * DAY_MS)
    expect(await says('token', text)).toBe('ann')
    expect(await says('token', await longLived(issuedAt))).toMatch(/valid for more than 90 days/)
  })

  it('ACC-REVOKE-3 that Redis lost are read anew, even if as many changes came afterwards', async () => {
    const store = bus.access()
    await redis.del(keys.accessVersion)
    await revoke(store, { kind: 'sub', subject: 'lost' }, Date.now())
    const before = await store.version()
    await redis.del(keys.accessVersion, keys.revocations)
    await revoke(store, { kind: 'sub', subject: 'ann' }, Date.now())
    expect(await store.version()).not.toBe(before)
  })

  it('ACC-REVOKE-5 that Redis has lost hold all the same, and it has them again', async () => {
    const [mine, other] = [await tokenOf('ann'), await tokenOf('bob')]
    const key = await keyOf('robot')
    const shown = [mine.text, other.text, key.text]
    const { says } = await door()
    const all = async (of: typeof says) => Promise.all(shown.map((text) => of('token', text)))
    expect(await all(says)).toEqual(['ann', 'bob', 'key:robot'])
    const [version, stored] = [await redis.get(keys.accessVersion), await redis.hgetall(keys.accessKeys)]
    const revoked = ['revoked', 'revoked', 'no such key']
    await revoke(bus.access(), { kind: 'sub', subject: 'ann' }, Date.now())
    await revoke(bus.access(), { kind: 'jti', id: other.id }, Date.now())
    await revokeKeys(bus.access(), 'robot', Date.now())
    await expect.poll(() => all(says)).toEqual(revoked)
    const before = await redis.hgetall(keys.revocations)
    // Redis comes back without its last second.
    await redis.multi().del(keys.revocations).hset(keys.accessKeys, stored).set(keys.accessVersion, version!).exec()
    await expect
      .poll(async () => {
        expect(await all(says)).toEqual(revoked)
        return redis.hgetall(keys.revocations)
      })
      .toEqual(before)
    expect(await redis.hgetall(keys.accessKeys)).toEqual({})
    const { says: later } = await door()
    expect(await all(later)).toEqual(revoked)
  })

  it('ACC-REVOKE-5 that are over are not stored again, and of two the wider holds', () => {
    const [now, text] = [Date.now(), (at: number, until: number) => JSON.stringify({ at, until })]
    const held = new HeldRevocations()
    const first = new Map([
      ['sub over', text(now - 9, now - 1)],
      ['sub ann', text(now - 5, now + 5)],
    ])
    expect(held.take(first, now).size).toBe(0)
    const lost = held.take(new Map([['sub ann', text(now - 9, now + 9)]]), now)
    expect(lost).toEqual(new Map([['sub ann', { at: now - 5, until: now + 9 }]]))
    expect([held.get({ kind: 'sub', subject: 'ann' })?.at, held.get({ kind: 'sub', subject: 'over' })]).toEqual([
      now - 5,
      undefined,
    ])
  })

  it('ACC-REVOKE-2 a key is revoked, however many revocations there are', async () => {
    const record = JSON.stringify({ at: 0, until: Date.now() + DAY_MS })
    const others = Array.from({ length: MAX_REVOCATIONS }, (_, n) => [`jti ${n}`, record])
    await redis.hset(keys.revocations, Object.fromEntries(others))
    const { text } = await keyOf('robot')
    await revokeKeys(bus.access(), 'robot', Date.now())
    expect(await (await door()).says('token', text)).toBe('no such key')
    expect(await listKeys(bus.access())).toEqual([])
  })

  it('ACC-REVOKE-4 that were read hold while Redis is away, and its absence is no defect', async () => {
    const [good, bad] = [await tokenOf('ann'), await tokenOf('bob')]
    const { text } = await keyOf('robot')
    await revoke(bus.access(), { kind: 'sub', subject: 'bob' }, Date.now())
    const { says, failures } = await door()
    process.kill(store.pid, 'SIGSTOP')
    try {
      // Twice the deadline of a call: a look has failed meanwhile.
      for (let n = 0; n < 2; n++) await expect(bus.access().version()).rejects.toThrow()
      expect(await says('token', good.text)).toBe('ann')
      expect(await says('token', bad.text)).toBe('revoked')
      expect(await says('token', text)).toBe('key:robot')
    } finally {
      process.kill(store.pid, 'SIGCONT')
    }
    const late = await vi.waitFor(() => keyOf('late', {}, true), { timeout: 10_000 })
    await expect.poll(() => says('token', late.text)).toBe('key:late')
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.filter((error) => !(error instanceof BusUnavailable))).toEqual([])
  })
})
