import { createSecretKey } from 'node:crypto'
import { createClient, type TidegateError, type TokenContext, type TokenOption } from '@tidegate/client/node'
import { SignJWT } from 'jose'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { revoke } from '../../src/access/index.ts'
import { openTestBus } from '../support/bus.ts'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const SENSORS = { publish: ['sensor.*'], subscribe: ['sensor.*'], query: ['sensor.*'] }
const EVERYTHING = { publish: ['>'], subscribe: ['>'], query: ['>'] }
/** Long enough to be renewed in time on a busy machine. */
const SHORT_LIFE_SECONDS = 4

const server = await useGateway(undefined, {
  access: { anonymous: 'rules', secret: SECRET, toleranceSeconds: 0, rightsClaim: 'tidegate' },
})

interface Claims {
  readonly sub?: string
  readonly jti?: string
  readonly tidegate?: object
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds

function signed(claims: Claims = {}, expiresAt = inSeconds(3_600)): Promise<string> {
  return new SignJWT({ sub: 'dev-1', tidegate: SENSORS, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime(expiresAt)
    .sign(createSecretKey(Buffer.from(SECRET)))
}

/** A client of this gateway until the end of the file, and what its listeners heard. */
function open(token: TokenOption | undefined) {
  const client = createClient({ url: server.url, connect: true, ...(token !== undefined && { token }) })
  afterAll(() => client.close({ deadlineMs: 0 }))
  const statuses: string[] = []
  const errors: TidegateError[] = []
  client.onStatus((status) => statuses.push(status))
  client.onTokenError((error) => errors.push(error))
  return { client, statuses, errors }
}

/** Gives these one after the other, and says what it was asked. */
function giving(...tokens: (() => Promise<string>)[]) {
  const asked: TokenContext[] = []
  return { asked, token: (context: TokenContext) => tokens[asked.push(context) - 1]!() }
}

const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 })
const codeOf = (outcome: Promise<unknown>) =>
  outcome.then(
    () => 'done',
    ({ code }: TidegateError) => code,
  )

describe('the SDK shows a token', () => {
  it('C-TOKEN-1 C-TOKEN-8 has what that allows; other topics do not exist, other keys are forbidden', async () => {
    const own = { publish: ['sensor.reading:$sub'], subscribe: ['sensor.*'], query: ['sensor.*'] }
    const { client } = open(await signed({ tidegate: own }))
    const keys: string[] = []
    const readings = client.subscribe('sensor.*', { from: 'earliest', keys: ['dev-1', 'dev-2'] }, ({ key }) =>
      keys.push(key),
    )
    await readings.ready
    const receipt = await client.publish('sensor.reading', [readingOf('dev-1'), readingOf('dev-2')])
    expect(receipt.rejected).toMatchObject([{ index: 1, code: 'forbidden' }])
    await soon(() => expect(keys).toEqual(['dev-1']))
    expect(await codeOf(client.subscribe('commerce.*').ready)).toBe('unknown_topic')
    expect(await codeOf(client.publish('commerce.payment_received', { data: {} }))).toBe('unknown_topic')
    expect(await codeOf(client.query('history', { topic: 'commerce.payment_received' }))).toBe('unknown_topic')
    expect(client.status.get().state).toBe('online')
  })

  it.each([
    ['no token', () => undefined],
    ['an expired one', () => signed({}, inSeconds(-10))],
  ])('C-TOKEN-6 %s ends the client', async (_, token) => {
    const { client, statuses } = open(await token())
    const outcomes = [client.publish('sensor.reading', readingOf('a')), client.subscribe('sensor.*').ready]
    expect(await Promise.all(outcomes.map(codeOf))).toEqual(['unauthorized', 'unauthorized'])
    expect(client.status.get().state).toBe('closed')
    expect(statuses).toEqual(['closed'])
  })

  it('C-TOKEN-2 C-TOKEN-5 a refused one leads to another', async () => {
    const { token, asked } = giving(
      () => signed({}, inSeconds(-10)),
      () => signed(),
    )
    const { client, errors } = open(token)
    await client.publish('sensor.reading', readingOf('b'))
    expect(asked).toMatchObject([{ reason: 'connect' }, { reason: 'refused', attempt: 2 }])
    expect(errors).toMatchObject([{ code: 'unauthorized' }])
  })

  it('C-TOKEN-5 C-RESUME-1 a revoked one leads to another, and nothing is lost or repeated', async () => {
    const { token, asked } = giving(
      () => signed({ jti: 'stolen' }),
      () => signed({ jti: 'fresh' }),
    )
    const { client, statuses } = open(token)
    const values: unknown[] = []
    const readings = client.subscribe('sensor.reading', { keys: ['c'] }, ({ data }) => values.push(data))
    await readings.ready
    await client.publish('sensor.reading', readingOf('c', 1))
    const bus = await openTestBus(server.redis.url, 4)
    await revoke(bus.access(), { kind: 'jti', id: 'stolen' }, Date.now())
    bus.close()
    await soon(() => expect(statuses).toEqual(['online', 'offline', 'connecting', 'online']))
    expect(asked).toMatchObject([{ reason: 'connect' }, { reason: 'refused' }])
    await client.publish('sensor.reading', readingOf('c', 2))
    await soon(() => expect(values).toEqual([1, 2].map((n) => readingOf('c', n).data)))
  })
})

describe.concurrent('the SDK shows the next token before one expires', () => {
  it('C-TOKEN-4 C-REFUSE-3 on the same connection; subscriptions that now see more go on from where they were', async () => {
    const expiresAt = inSeconds(SHORT_LIFE_SECONDS)
    const { token, asked } = giving(
      () => signed({ sub: 'wide' }, expiresAt),
      () => signed({ sub: 'wide', tidegate: EVERYTHING }),
    )
    const { client, statuses } = open(token)
    const ids: string[] = []
    const all = client.subscribe('>', { keys: ['d'] }, ({ id }) => ids.push(id))
    const same = client.subscribe('sensor.reading', { keys: ['d'] })
    await Promise.all([all.ready, same.ready])
    await client.publish('sensor.reading', { id: 'd1', ...readingOf('d') })
    await soon(() => expect(asked).toHaveLength(2))
    expect(asked[1]!.reason).toBe('expiring')
    const payment = { data: { paymentId: 'p', orderId: 'd', amount: 1, currency: 'EUR' } }
    // Until the gateway has taken the token, the topic is unknown.
    await vi.waitFor(() => client.publish('commerce.payment_received', { id: 'd2', ...payment }), { timeout: 5_000 })
    await soon(() => expect(all.positions).toHaveProperty(['commerce.payment_received']))
    await client.publish('commerce.payment_received', { id: 'd3', ...payment })
    await soon(() => expect(ids).toContain('d3'))
    // The gateway looks once a second.
    await soon(() => expect(Date.now()).toBeGreaterThan(expiresAt * 1_000 + 1_200))
    await client.publish('sensor.reading', { id: 'd4', ...readingOf('d') })
    await soon(() => expect(ids).toContain('d4'))
    expect(ids.filter((id) => id.startsWith('d1'))).toHaveLength(1)
    expect(statuses).toEqual(['online'])
    expect(await same.ledger()).toMatchObject({ matched: 2 })
  })

  it('C-TOKEN-5 and one of another subject is refused', async () => {
    const { token, asked } = giving(
      () => signed({ sub: 'dev-3' }, inSeconds(SHORT_LIFE_SECONDS)),
      () => signed({ sub: 'somebody-else' }),
      () => signed({ sub: 'dev-3' }),
    )
    const { client, errors, statuses } = open(token)
    await soon(() => expect(statuses).toEqual(['online', 'offline', 'connecting', 'online']))
    expect(asked.map(({ reason }) => reason)).toEqual(['connect', 'expiring', 'refused'])
    expect(errors).toMatchObject([{ code: 'unauthorized', message: expect.stringContaining('another subject') }])
    await client.publish('sensor.reading', readingOf('e'))
  })
})
