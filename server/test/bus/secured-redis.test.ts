import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { connectionFault } from '../../src/bus/connection-fault.ts'
import { openTopology } from '../../src/bus/contract/topology.ts'
import { openSnapshots } from '../../src/bus/index.ts'
import { KEY_PATTERNS, RIGHTS, type Role } from '../../src/bus/redis/rights.ts'
import { restoreRedis } from '../../src/cli/storage/restore-redis.ts'
import { writeSnapshotFile } from '../../src/cli/storage/snapshot-file.ts'
import { startGateway } from '../../src/gateway-app.ts'
import { command, defineConfig, entity, reject, topic } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { useAuthorities } from '../support/certificates.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { freePort, redisBinary } from '../support/redis.ts'
import { until } from '../support/tidegate-process.ts'
import { useRedis } from '../support/use-redis.ts'

const ROLES: readonly Role[] = ['gateway', 'worker']
const DOCS = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
const BACKUP_DOCS = readFileSync(new URL('../../../docs/backup.md', import.meta.url), 'utf8')
type User = Role | 'backup' | 'restore'
const ca = useAuthorities()('authority')
const ofRedis = ca.issue('redis')
const ofClients = ca.issue('client')
const tlsPort = await freePort()
const { redis } = await useRedis({
  options: [
    ...['--repl-diskless-sync-delay', '0'],
    ...['--tls-port', `${tlsPort}`, '--tls-auth-clients', 'yes'],
    ...['--tls-cert-file', ofRedis.cert, '--tls-key-file', ofRedis.key, '--tls-ca-cert-file', ca.cert],
  ],
})

/** The command of the page, as it is. */
const userOf = (role: User, page = DOCS) =>
  new RegExp(`^ACL SETUSER tidegate-${role} .*$`, 'm').exec(page)![0].split(' ').slice(1)
const address = (role: User, parameters: Record<string, string> = {}, database = 0) =>
  `rediss://tidegate-${role}:PASSWORD@127.0.0.1:${tlsPort}/${database}?${new URLSearchParams({
    ...{ ca: ca.cert, cert: ofClients.cert, key: ofClients.key, servername: 'localhost' },
    ...parameters,
  })}`
const settings = { partitions: 2, redisWaitMs: 5_000 }
/** Of starts that fail. */
const SHORT = { ...settings, redisWaitMs: 300 }
const gatewaySettings = {
  ...settings,
  ...{ host: '127.0.0.1', port: 0, sharedPort: false, node: 'gw', maxLagMs: 10_000, delivery: DELIVERY_LIMITS },
  onDefect: () => {},
}

const reading = topic('sensor.reading', { schema: z.object({ sensorId: z.string() }), key: 'sensorId' })
const perKey = reading.window('sensor.count', { tumbling: '1s', allowedLateness: '0s', aggregate: { n: 'count' } })
const overAll = reading.window('sensor.all', { tumbling: '1s', groupBy: null, aggregate: { n: 'count' } })
const email = z.object({ email: z.string() })
const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: { email: '' as string } },
  events: { registered: email, greeted: z.object({}), told: z.object({}) },
  evolve: { registered: (_, data) => data, greeted: (state) => state, told: (state) => state },
  rejections: ['exists'],
  commands: {
    register: {
      input: email,
      decide: (state, data) =>
        state.email === '' ? [{ type: 'registered', data }] : reject('exists', 'There is one.'),
    },
    greet: { by: 'reaction', input: z.object({}), decide: () => [{ type: 'greeted', data: {} }] },
  },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: { 'user.registered': (_event, { key }) => [command('user', key, 'greet', {})] },
  outcome: () => [{ type: 'told', data: {} }],
  indexes: { email: (state) => state.email },
})
const { contract } = defineConfig({ topics: [reading, perKey, overAll], entities: [user] })

describe('a Redis of somebody else', () => {
  it('B-RIGHTS-1 B-TLS-1 a gateway and workers run over TLS with the rights of the page alone: publish, windows, commands, takeover, health', async () => {
    for (const role of ROLES) await redis.call('ACL', ...userOf(role))
    await redis.call('ACL', 'LOG', 'RESET')
    const start = (workerId: string) =>
      startWorker({ ...settings, redisUrl: address('worker'), workerId, log: () => {} }, contract)
    const gateway = await startGateway({ ...gatewaySettings, redisUrl: address('gateway') }, contract)
    const workers: RunningWorker[] = [await start('w-1')]
    const stop = async (worker: RunningWorker) => worker.close({ deadlineMs: 1_000 })
    afterAll(() => Promise.all([...workers.map(stop), gateway.close({ deadlineMs: 100 })]))
    const url = `http://127.0.0.1:${gateway.port}`
    const ask = async (path: string, body?: object) => {
      const headers = { 'content-type': 'application/json' }
      const sent = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) }
      const answer = await fetch(url + path, sent)
      return { status: answer.status, body: await answer.json() }
    }
    const publish = (time: number) => ask('/v1/events', { topic: 'sensor.reading', time, data: { sensorId: 'attic' } })
    const results = async (window: string) => (await ask(`/v1/windows/${window}`)).body.results as unknown[]
    const now = Date.now()
    for (const time of [now - 4_000, now - 1_500, now]) expect((await publish(time)).status).toBe(200)
    await until(async () => (await results('sensor.count')).length === 1, 'a pane of the key')
    await until(async () => (await results('sensor.all')).length === 1, 'a pane of all')
    expect((await ask('/v1/entities/user/ann/register', { email: 'a@b' })).status).toBe(200)
    expect((await ask('/v1/entities/user/ann/register', { email: 'a@b' })).body.error.code).toBe('exists')
    await until(async () => (await ask('/v1/entities/user/ann')).body.version === 3, 'the reaction and its outcome')
    expect((await ask('/v1/entities/user?email=a%40b')).body.entities).toHaveLength(1)
    expect((await ask('/v1/history?topic=sensor.reading&partition=0')).status).toBe(200)
    workers.push(await start('w-2'))
    await stop(workers[0]!)
    await until(async () => (await ask('/readyz')).body.red.length === 0, 'an owner of each partition')
    expect((await ask('/v1/entities/user/bob/register', { email: 'b@b' })).status).toBe(200)
    const denied = (await redis.call('ACL', 'LOG')) as unknown[][]
    expect(denied.map((entry) => entry.slice(4, 8).join(' '))).toEqual([])
    const clients = String(await redis.client('LIST')).split('\n')
    const ours = clients.filter((line) => /name=tidegate-(gw|w-)/.test(line))
    expect(ours.length).toBeGreaterThan(5)
    expect(ours.filter((line) => !line.includes(`laddr=127.0.0.1:${tlsPort} `))).toEqual([])
  })

  it('B-RIGHTS-1 a gateway that asks who its callers are issues and takes tickets with the rights of the page', async () => {
    await redis.call('ACL', ...userOf('gateway'))
    await redis.call('ACL', 'LOG', 'RESET')
    const secret = 'a secret of more than thirty-two bytes'
    const access = { anonymous: 'rules', secret, toleranceSeconds: 0, rightsClaim: 'tidegate' } as const
    const gateway = await startGateway({ ...gatewaySettings, redisUrl: address('gateway'), access }, contract)
    afterAll(() => gateway.close({ deadlineMs: 100 }))
    const token = await new SignJWT({ sub: 'ann', tidegate: { subscribe: ['>'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(Buffer.from(secret))
    const url = `http://127.0.0.1:${gateway.port}/v1`
    const issued = await fetch(`${url}/tickets`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const { ticket } = (await issued.json()) as { ticket: string }
    const statusOf = async () => {
      const leaving = new AbortController()
      const { status } = await fetch(`${url}/stream?topic=sensor.reading&ticket=${ticket}`, { signal: leaving.signal })
      leaving.abort()
      return status
    }
    expect([issued.status, await statusOf(), await statusOf()]).toEqual([201, 200, 401])
    expect(await redis.call('ACL', 'LOG')).toEqual([])
  })

  it('B-SNAPSHOT-4 a backup is taken and put back over TLS with the rights of its page alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-secured-'))
    afterAll(() => rm(folder, { recursive: true }))
    await openTopology(() => redis, 2)
    for (const user of ['backup', 'restore'] as const) await redis.call('ACL', ...userOf(user, BACKUP_DOCS))
    await redis.call('ACL', 'LOG', 'RESET')
    const stopped = new AbortController().signal
    const take = () => openSnapshots({ url: address('backup'), waitMs: 5_000, silenceMs: 5_000, stopped })
    const file = join(folder, 'backup.rdb')
    await writeSnapshotFile(file, (await take()).each[0]!.pieces, { mayReplace: false, onBytes: () => {} })
    await redis.call('ACL', 'SETUSER', 'tidegate-backup', '-sync')
    await expect(take()).rejects.toThrow(/gives no snapshot \(NOPERM .*docs\/backup\.md/)
    await redis.call('ACL', 'LOG', 'RESET')
    const binary = await redisBinary()
    const url = address('restore', {}, 1)
    await restoreRedis({ file, url, binary, database: undefined, stopped, onProgress: () => {} })
    expect(await redis.info('keyspace')).toMatch(/db1:keys=\d/)
    expect(await redis.call('ACL', 'LOG')).toEqual([])
  })

  it.each([
    ['gateway', '-xadd', /lacks rights that a gateway needs .*ACL SETUSER <user> \+xadd$/],
    ['gateway', '-evalsha', /lacks rights that a gateway needs .*\+evalsha/],
    [
      'gateway',
      'resetkeys ~tg:* ~{tg:[0-9]*',
      /lacks rights that a gateway needs .*ACL SETUSER <user> ~\{tg:access\}:\*$/,
    ],
    ['worker', '-bzpopmin', /lacks rights that a worker needs .*\+bzpopmin$/],
    ['worker', 'resetkeys ~tg:* ~{tg:[0-9]*', /lacks rights that a worker needs .*ACL SETUSER <user> ~\{tg:\*$/],
  ] as const)(
    'B-RIGHTS-2 a %s whose user has %s - does not start, and says what gives it',
    async (role, change, said) => {
      await redis.call('ACL', ...userOf(role))
      await redis.call('ACL', 'SETUSER', `tidegate-${role}`, ...change.split(' '))
      const redisUrl = address(role)
      const started =
        role === 'gateway'
          ? startGateway({ ...gatewaySettings, redisUrl }, contract)
          : startWorker({ ...settings, redisUrl, workerId: 'w', log: () => {} }, contract)
      await expect(started).rejects.toThrow(said)
    },
  )

  it.each(ROLES)('B-RIGHTS-1 the page has what a %s needs, no more', (role) => {
    const rules = userOf(role).slice(7)
    const patterns = KEY_PATTERNS[role].map((pattern) => `~${pattern}`)
    expect(rules.slice(0, patterns.length)).toEqual(patterns)
    const optional = ['+config|get']
    expect([...rules.slice(patterns.length)].sort()).toEqual(
      [...new Set([...RIGHTS[role].map((right) => `+${right}`), ...optional])].sort(),
    )
  })

  it('B-RIGHTS-1 nothing is called in a script, of ours or of BullMQ, that the rights do not have', () => {
    const called = (folder: URL, call: RegExp) =>
      readdirSync(folder)
        .filter((file) => /\.(lua|js)$/.test(file))
        .flatMap((file) => [...readFileSync(new URL(file, folder), 'utf8').matchAll(call)])
        .map(([, name]) => name!.toLowerCase())
    const has = (role: Role, name: string) => RIGHTS[role].some((right) => right.split('|')[0] === name)
    const ours = called(new URL('../../src/bus/lua/', import.meta.url), /redis\.p?call\('(\w+)'/g)
    const queues = called(
      new URL('../../../node_modules/bullmq/dist/cjs/scripts/', import.meta.url),
      /\b(?:rcall|redis\.p?call)\(["'](\w+)["']/g,
    )
    expect(ours.length).toBeGreaterThan(50)
    expect(queues.length).toBeGreaterThan(500)
    for (const role of ROLES) expect([...new Set(ours)].filter((name) => !has(role, name))).toEqual([])
    expect([...new Set(queues)].filter((name) => !has('worker', name))).toEqual([])
  })

  it.each([
    ['another authority', () => ({ ca: ofClients.cert }), /certificate is not accepted.*ca=file/],
    ['another name', () => ({ servername: 'redis.example' }), /for another name.*servername/],
    ['no such file', () => ({ ca: '/nowhere/ca.pem' }), /the file in `ca` of REDIS_URL cannot be read \(ENOENT\)/],
  ])('B-TLS-1 %s - is refused at the start with what to do', async (_, parameters, said) => {
    await redis.call('ACL', ...userOf('worker'))
    const redisUrl = address('worker', parameters())
    await expect(startWorker({ ...SHORT, redisUrl, workerId: 'w', log: () => {} }, contract)).rejects.toThrow(said)
  })

  it('B-TLS-1 no client certificate where Redis asks for one - is said', async () => {
    const redisUrl = `rediss://x:PASSWORD@127.0.0.1:${tlsPort}/0?${new URLSearchParams({ ca: ca.cert })}`
    const started = startWorker({ ...SHORT, redisUrl, workerId: 'w', log: () => {} }, contract)
    await expect(started).rejects.toThrow(/client certificate/)
    expect(connectionFault(new Error('tlsv13 alert certificate required')).why).toMatch(/cert=file&key=file/)
  })
})
