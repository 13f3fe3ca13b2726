import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import { runCommand } from '../support/command-line.ts'
import { contract } from '../support/contract.ts'
import { EventStream } from '../support/event-stream.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const server = await useGateway(contract, {
  access: { anonymous: 'rules', secret: SECRET, issuer: 'house', toleranceSeconds: 0, rightsClaim: 'tidegate' },
})
const redis = await useConnection(server.redis.url)

beforeEach(() => {
  vi.stubEnv('REDIS_URL', server.redis.url)
  vi.stubEnv('TIDEGATE_JWT_SECRET', SECRET)
  vi.stubEnv('TIDEGATE_JWT_ISSUER', 'house')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const key = (...args: string[]) => runCommand('key', ...args)
const keyOf = async (...args: string[]) => (await key('create', ...args)).out.trim()
const token = (...args: string[]) => runCommand('token', ...args)
const tokenOf = async (...args: string[]) => (await token(...args)).out.trim()
const ids = async () =>
  (await key('list', '--json')).out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).id)
const claimsOf = (text: string) => JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString())

/** Status of a request, which a gateway that has read the change answers in this way. */
async function expectStatus(text: string, path: string, status: number): Promise<void> {
  const headers = { authorization: `Bearer ${text}` }
  await expect.poll(async () => (await fetch(`${server.url}${path}`, { headers })).status).toBe(status)
}

async function namesOf(text: string): Promise<string[]> {
  const response = await fetch(`${server.url}/v1/topics`, { headers: { authorization: `Bearer ${text}` } })
  return ((await response.json()) as { topics: { name: string }[] }).topics.map(({ name }) => name)
}

describe('tidegate key', () => {
  it('X-KEY-1 create - prints the key alone on standard output, and a gateway takes it without a restart', async () => {
    const { code, out, err } = await key('create', 'collector', '--query', 'sensor.*', '--query', 'nothing.*')
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^tgk_[a-z2-7]{12}_[\w-]{43}\n$/) })
    expect(err).toContain('Warning: query: nothing.* covers nothing that is declared')
    expect(err).toMatch(/Key [a-z2-7]{12} of collector: query sensor\.\*, nothing\.\*\. Keep it now/)
    await expectStatus(out.trim(), '/v1/topics', 200)
    expect(await namesOf(out.trim())).toEqual(['sensor.reading', 'sensor.hot'])
    const stored = Object.values(await redis.hgetall(keys.accessKeys)).join()
    // A secret may begin with a `_` of its own.
    const [, secret] = /^tgk_[a-z2-7]+_(.+)$/.exec(out.trim())!
    expect(stored).not.toContain(secret)
  })

  it('X-KEY-1 create - says so where the key may do nothing', async () => {
    expect((await key('create', 'idle')).err).toContain('it may do nothing')
    expect((await key('create', 'void', '--publish', 'sensor.reading:$claims.x')).err).toContain('it may do nothing')
  })

  it('X-KEY-2 list - shows id, name, rights and creation, never a hash', async () => {
    const [, id] = (await keyOf('lister', '--publish', 'sensor.reading:a-*', '--admin')).split('_')
    const { out } = await key('list')
    expect(out).toMatch(new RegExp(`^${id} lister of 20\\S+Z: publish sensor\\.reading:a-\\*; admin$`, 'm'))
    const [line] = (await key('list', '--json')).out.split('\n').filter((each) => each.includes(id!))
    expect(JSON.parse(line!)).toEqual({
      id,
      name: 'lister',
      allow: { publish: ['sensor.reading:a-*'], admin: true },
      createdAt: expect.any(Number),
    })
  })

  it('X-KEY-3 revoke - removes by id or by name, and its connections end', async () => {
    const text = await keyOf('robot', '--query', '>')
    await expectStatus(text, '/v1/topics', 200)
    const client = await RawClient.greeted(server.port, { token: text })
    expect(await key('revoke', 'robot')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^revoked: \S+ robot of/),
    })
    expect(await client.closed).toMatchObject({ code: 4401 })
    await expectStatus(text, '/v1/topics', 401)
    expect(await key('revoke', 'robot')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no key robot'),
    })
    const [, id] = (await keyOf('robot')).split('_')
    await key('revoke', id!)
    expect(await ids()).not.toContain(id)
  })

  it('X-KEY-4 - a name with a key gets another one only if that is meant, and both are one caller', async () => {
    const first = await keyOf('till', '--query', '>')
    expect(await key('create', 'till')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--beside') })
    const second = await keyOf('till', '--query', '>', '--beside')
    await key('revoke', first.split('_')[1]!)
    await expectStatus(first, '/v1/topics', 401)
    await expectStatus(second, '/v1/topics', 200)
  })

  it('X-KEY-5 - what cannot be read ends with 2 and stores nothing', async () => {
    const before = await ids()
    const wrong: [string[], RegExp][] = [
      [['create', 'x', '--publish', 'Not a topic'], /^--publish: .* is no topic selector/],
      [['create', 'x y'], /^a name has 1 to 64 letters/],
      [['create'], /^say whose key it is/],
      [['list', 'x'], /^Unexpected argument 'x'/],
      [['revoke'], /^say which one/],
      [[], /^say what to do/],
    ]
    for (const [args, message] of wrong) {
      expect(await key(...args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
    }
    expect(await ids()).toEqual(before)
  })
})

describe('tidegate token', () => {
  it('X-TOKEN-1 - prints the token alone, with its rights, claims and life, and a gateway takes it', async () => {
    const args = [
      '--sub',
      'ann',
      '--query',
      'sensor.*:$sub',
      '--claim',
      'tid=acme',
      '--claim',
      'level=3',
      '--ttl',
      '2h',
    ]
    const { code, out, err } = await token(...args)
    expect(code).toBe(0)
    expect(err).toMatch(/^Token \S+ of ann, until 20\S+Z: query sensor\.\*:\$sub\.\n$/)
    const claims = claimsOf(out)
    expect(claims).toMatchObject({ sub: 'ann', iss: 'house', tid: 'acme', level: 3, jti: expect.any(String) })
    expect(claims.tidegate).toEqual({ query: ['sensor.*:$sub'] })
    expect(claims.exp - claims.iat).toBe(7_200)
    expect(await namesOf(out.trim())).toEqual(['sensor.reading', 'sensor.hot'])
    expect((await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${out.trim()}` } })).status).toBe(
      403,
    )
    await expectStatus(await tokenOf('--sub', 'ops', '--admin'), '/metrics', 200)
  })

  it('X-TOKEN-2 - without a secret it ends with 1, and says how to make one', async () => {
    vi.stubEnv('TIDEGATE_JWT_SECRET', '')
    expect(await token('--sub', 'ann')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('openssl rand'),
    })
  })

  it('X-TOKEN-3 - what no gateway would take ends with 2', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /^say whose token it is/],
      [['--sub', ''], /^a subject has 1 to 256/],
      [
        ['--sub', 'system:x'],
        /^"system:x" names callers without a token, .* refuse .*`anonymous`, .*`key:`, .*`system:`, `~`/,
      ],
      [['--sub', 'anonymous'], /^"anonymous" names callers without a token/],
      [['--sub', 'a', '--ttl', '91d'], /^a token is valid for a second to 90 days/],
      [['--sub', 'a', '--ttl', 'x'], /^--ttl x: say a duration/],
      [['--sub', 'a', '--claim', 'x'], /^--claim x: say <name>=<value>/],
      [['--sub', 'a', '--claim', 'exp=1'], /^the claim exp has a meaning of its own/],
      [['--sub', 'a', '--claim', 'tidegate={}'], /^the claim tidegate has a meaning of its own/],
      [['--sub', 'a', '--subscribe', '..'], /^--subscribe: /],
      [['--sub', 'a', '--claim', `x=${'x'.repeat(8_192)}`], /^the token has \d+ characters, and gateways take 8192/],
    ]
    for (const [args, message] of wrong) {
      expect(await token(...args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
    }
  })
})

describe('tidegate revoke', () => {
  it('X-REVOKE-1 - ends the live socket and event stream of a subject; others stay', async () => {
    const [mine, other] = [
      await tokenOf('--sub', 'bob', '--subscribe', '>'),
      await tokenOf('--sub', 'eve', '--subscribe', '>'),
    ]
    const client = await RawClient.greeted(server.port, { token: mine })
    const neighbour = await RawClient.greeted(server.port, { token: other })
    const stream = await EventStream.open(`${server.url}/v1/stream?topic=sensor.reading`, {
      authorization: `Bearer ${mine}`,
    })
    expect(stream.response.status).toBe(200)
    const { code, out } = await runCommand('revoke', 'bob')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^revoked: tokens of bob issued until 20\S+Z, and certificates\. Later ones count\.\nEvery gateway .* within a second/,
    )
    expect(await client.closed).toMatchObject({ code: 4401 })
    while ((await stream.next()) !== undefined);
    await expectStatus(mine, '/v1/topics', 401)
    await expectStatus(other, '/v1/topics', 200)
    neighbour.send({ type: 'query', id: 1, name: 'topics' })
    await neighbour.next('result')
    neighbour.close()
  })

  it('X-REVOKE-2 --id - revokes one token, and --json says what was done', async () => {
    const [first, second] = [
      await tokenOf('--sub', 'joe', '--query', '>'),
      await tokenOf('--sub', 'joe', '--query', '>'),
    ]
    const { jti } = claimsOf(first)
    const { code, out } = await runCommand('revoke', '--id', jti, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ revoked: { kind: 'jti', id: jti }, at: expect.any(Number) })
    await expectStatus(first, '/v1/topics', 401)
    await expectStatus(second, '/v1/topics', 200)
  })

  it('X-REVOKE-3 - says that keys are not revoked in this way, and what it needs', async () => {
    await key('create', 'lamp')
    expect((await runCommand('revoke', 'key:lamp')).err).toContain('tidegate key revoke')
    for (const args of [[], ['a', 'b'], ['a', '--id', 'b'], ['']]) {
      expect(await runCommand('revoke', ...args)).toMatchObject({ code: 2, out: '' })
    }
    vi.stubEnv('REDIS_URL', '')
    expect(await runCommand('revoke', 'a', '--data', '/nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining('REDIS_URL is not set'),
    })
  })
})
