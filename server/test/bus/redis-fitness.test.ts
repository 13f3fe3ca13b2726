import { createServer, type Server } from 'node:net'
import { afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { connectionFault } from '../../src/bus/connection-fault.ts'
import { readDeploymentFacts } from '../../src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { parseInfo, unfitness } from '../../src/bus/redis/redis-fitness.ts'
import { startWorker } from '../../src/worker-app.ts'
import { contract } from '../support/contract.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function redisWith(...options: string[]): Promise<TestRedis> {
  const redis = await startTestRedis(options)
  cleanups.push(() => redis.close())
  return redis
}

function connect(url: string): Redis {
  const redis = openCommandConnection(url, 'test')
  cleanups.push(() => redis.disconnect())
  return redis
}

async function connected(url: string): Promise<Redis> {
  const redis = connect(url)
  await untilReady(redis, 5_000)
  return redis
}

/** Long enough for a fault to show; all of it passes before most of them are told: they are waited for side by side. */
const WAIT_MS = 1_200
/** Longer than a connection may take. */
const SILENT_MS = 2_500

const failure = (url: string, deadlineMs = WAIT_MS) =>
  untilReady(connect(url), deadlineMs).then(
    () => 'ready',
    (error: Error) => `${error.name}: ${error.message}`,
  )

const startedWorker = (redisUrl: string) =>
  startWorker({ redisUrl, redisWaitMs: 1_500, partitions: 4, workerId: 'w', log: () => {} }, contract).then(
    async (worker) => {
      await worker.close({ deadlineMs: 1_000 })
      return 'started'
    },
    (error: Error) => error.message,
  )

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  cleanups.push(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as { port: number }).port
}

describe('a Redis that cannot be reached', () => {
  let locked: TestRedis
  const said = new Map<string, string>()
  beforeAll(async () => {
    locked = await startTestRedis(['--requirepass', 'hunter2'])
    const told = tests.map(async ([what, url, , waitMs]) => said.set(what, await failure(await url(), waitMs)))
    await Promise.all(told)
    return () => locked.close()
  })

  const tests: [what: string, url: () => string | Promise<string>, expected: RegExp, waitMs?: number][] = [
    [
      'a wrong password',
      () => `redis://:wrong-one@127.0.0.1:${locked.port}`,
      /refuses the user name or password.*WRONGPASS/,
    ],
    ['no password', () => locked.url, /asks for a password.*NOAUTH/],
    [
      'a database that is not there',
      () => `redis://:hunter2@127.0.0.1:${locked.port}/99`,
      /no database of the number in REDIS_URL/,
    ],
    ['nothing at the port', () => 'redis://127.0.0.1:1', /nothing listens at that address.*ECONNREFUSED/],
    ['no such host', () => 'redis://no-such-host.invalid', /host name cannot be resolved/],
    ['no such socket', () => '/nowhere/redis.sock', /no unix socket at that path/],
    ['TLS where there is none', () => `rediss://127.0.0.1:${locked.port}`, /does not answer.*TLS/],
    [
      'a server that is no Redis',
      async () =>
        `redis://127.0.0.1:${await listening(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))}`,
      /does not speak the protocol of Redis/,
    ],
    [
      'a server that says nothing',
      async () => `redis://127.0.0.1:${await listening(createServer((socket) => socket.on('error', () => {})))}`,
      /it takes connections and does not answer.* is no Redis/,
      SILENT_MS,
    ],
    [
      'a server that hangs up',
      async () => `redis://127.0.0.1:${await listening(createServer((socket) => socket.destroy()))}`,
      /closes the connection/,
    ],
  ]
  test.each(tests)('B-REDIS-1 %s - is said, without the password', (what, _, expected, waitMs = WAIT_MS) => {
    const text = said.get(what)
    expect(text).toMatch(new RegExp(`^BusUnreachable: Redis (cannot be used|was not reachable within ${waitMs} ms): `))
    expect(text).toMatch(expected)
    expect(text).not.toMatch(/hunter2|wrong-one/)
  })

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', /TLS certificate is not accepted.*NODE_EXTRA_CA_CERTS/],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      "Hostname/IP does not match certificate's altnames",
      /TLS certificate is for another name/,
    ],
    ['EMFILE', 'connect EMFILE 10.0.0.5:6379', /raise the limit \(ulimit -n\)/],
    [undefined, 'MASTERDOWN Link with MASTER is down', /use the address of the master/],
    [undefined, 'ERR max number of clients reached', /^it has no connection left; raise maxclients/],
    ['CERT_HAS_EXPIRED', 'certificate has expired', /certificate has expired.*renew it/],
    ['CERT_NOT_YET_VALID', 'certificate is not yet valid', /is not valid yet; is the clock/],
    [undefined, 'ssl/tls alert certificate expired', /refuses our client certificate/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', /no authority that is known here/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', /no authority that is known here/],
    [
      undefined,
      'MISCONF Errors writing to the AOF file: No space left on device',
      /cannot write to its disk.*No space left/,
    ],
    [
      undefined,
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
      /last snapshot failed.*full disk.*no memory for a fork/,
    ],
    [undefined, 'OOM command not allowed', /memory is full; raise maxmemory/],
    [undefined, 'NOREPLICAS Not enough good replicas to write.', /too few replicas follow it/],
  ])('B-REDIS-1 %s %s - is said', (code, message, expected) => {
    expect(connectionFault(Object.assign(new Error(message), code && { code })).why).toMatch(expected)
  })

  it('B-REDIS-1 a user without the rights - is said', async () => {
    const redis = await redisWith()
    await (await connected(redis.url)).acl(
      'SETUSER',
      'reader',
      'on',
      '>pw',
      '~*',
      '&*',
      '+@read',
      '+info',
      '+config|get',
    )
    expect(await startedWorker(`redis://reader:pw@127.0.0.1:${redis.port}`)).toMatch(
      /lacks rights that a worker needs .*\+evalsha \+script\|load$/,
    )
  })

  it('B-REDIS-1 a Redis that reads its data - is said to, and waited for', async () => {
    const redis = await redisWith('--enable-debug-command', 'yes', '--key-load-delay', '2000')
    const first = await connected(redis.url)
    await first.debug('POPULATE', '1500')
    const reloaded = first.debug('RELOAD').catch(() => {})
    expect(await failure(redis.url, 1_000)).toMatch(/still reading its data; TIDEGATE_REDIS_WAIT_SECONDS/)
    await reloaded
  })

  it('B-REDIS-2 a database that is not there - is never taken for database 0', async () => {
    const redis = await redisWith()
    const elsewhere = connect(`${redis.url}/99`)
    await untilReady(elsewhere, 500).catch(() => {})
    await expect(elsewhere.set('mine', '1')).rejects.toThrow()
    expect(await (await connected(redis.url)).get('mine')).toBeNull()
  })
})

describe('a Redis that does not fit', () => {
  it.each(['allkeys-lru', 'volatile-ttl'])('B-REDIS-3 one that evicts (%s) - is refused at start', async (policy) => {
    const redis = await redisWith('--maxmemory-policy', policy)
    expect(await startedWorker(redis.url)).toMatch(new RegExp(`maxmemory-policy is ${policy}.*noeviction`))
    await expect(startTestGateway(contract, { redisUrl: redis.url })).rejects.toThrow(`maxmemory-policy is ${policy}`)
  })

  it('B-REDIS-3 one that evicts and forbids INFO - is refused by CONFIG, and the other way round', async () => {
    const redis = await redisWith('--maxmemory-policy', 'allkeys-lru')
    const admin = await connected(redis.url)
    await admin.acl('SETUSER', 'no-info', 'on', '>pw', '~*', '&*', '+@all', '-info')
    await admin.acl('SETUSER', 'no-config', 'on', '>pw', '~*', '&*', '+@all', '-config')
    await admin.acl('SETUSER', 'neither', 'on', '>pw', '~*', '&*', '+@all', '-config', '-info')
    for (const user of ['no-info', 'no-config']) {
      expect(await startedWorker(`redis://${user}:pw@127.0.0.1:${redis.port}`)).toMatch(
        /maxmemory-policy is allkeys-lru/,
      )
    }
  })

  it('B-REDIS-3 a replica, a Sentinel and a cluster - are refused by what they are', async () => {
    const master = await redisWith()
    const replica = await redisWith('--replicaof', '127.0.0.1', `${master.port}`)
    expect(await startedWorker(replica.url)).toMatch(/it is a replica, which takes no writes/)
    const cluster = await redisWith('--cluster-enabled', 'yes')
    expect(await startedWorker(cluster.url)).toMatch(/it is a node of a cluster.*redis\+cluster:/)
    expect(unfitness(parseInfo('# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n'))).toMatch(/is a Sentinel/)
    expect(unfitness(parseInfo('redis_version:6.2.1\r\nredis_mode:standalone\r\n'))).toMatch(
      /version 6.2.1.*7 or newer/,
    )
    expect(
      unfitness(parseInfo('redis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n')),
    ).toBeUndefined()
  })

  it.each(['EVALSHA', 'SCRIPT', 'XADD', 'INFO', 'CLIENT'])(
    'B-RIGHTS-2 one that has renamed %s - is refused with what to do',
    async (command) => {
      const redis = await redisWith('--rename-command', command, command === 'XADD' ? 'ADDX' : '')
      const said = await Promise.all([
        startTestGateway(contract, { redisUrl: redis.url }).then(String, (error: Error) => error.message),
        startedWorker(redis.url),
        readDeploymentFacts(redis.url, WAIT_MS).then(
          ({ lackingRights }) => lackingRights.gateway,
          (error: Error) => error.message,
        ),
      ])
      for (const message of said) {
        expect(message).toMatch(/cannot be used: it does not know .* `rename-command` out of its configuration/)
        expect(message?.toUpperCase()).toContain(command)
      }
    },
  )

  it('B-REDIS-4 one whose torn transactions come back - is named at the start of a gateway, in one line', async () => {
    for (const [option, lines] of [
      ['yes', 1],
      ['no', 0],
    ] as const) {
      const redis = await redisWith('--aof-load-truncated', option)
      const warnings: string[] = []
      const server = await startTestGateway(contract, { redisUrl: redis.url, warn: (line) => warnings.push(line) })
      await server.close()
      expect(warnings.filter((line) => line.includes('BGREWRITEAOF'))).toHaveLength(lines)
    }
  })
})

describe('a Redis that comes to evict', () => {
  it('B-REDIS-3 G-HEALTH-5 I-APPEND-8 /readyz is red with the reason and nothing is acknowledged, until it ends', async () => {
    const server = await startTestGateway()
    cleanups.push(() => server.close())
    const admin = await connected(server.redis.url)
    const publish = async () => {
      const response = await fetch(`${server.url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ topic: 'sensor.reading', data: { sensorId: 's', temperature: 1, humidity: 1 } }),
      })
      return { status: response.status, text: await response.text() }
    }
    const reasons = async () => {
      const { red } = (await (await fetch(`${server.url}/readyz`)).json()) as { red: { part: string; why: string }[] }
      return red.filter(({ part }) => part === 'redis').map(({ why }) => why)
    }
    expect((await publish()).status).toBe(200)
    await admin.config('SET', 'maxmemory-policy', 'volatile-lru')
    await expect
      .poll(reasons, { timeout: 2_000 })
      .toEqual([expect.stringContaining('maxmemory-policy is volatile-lru')])
    const refused = await publish()
    expect(refused.status).toBe(503)
    expect(refused.text).toContain('"unavailable"')
    await admin.config('SET', 'maxmemory-policy', 'noeviction')
    await expect.poll(reasons, { timeout: 2_000 }).toEqual([])
    expect((await publish()).status).toBe(200)
  })
})

describe('a master that becomes a replica', () => {
  it('B-REDIS-6 G-HEALTH-3 /readyz is red and says what it is, reads included, until it is a master again', async () => {
    const [redis, other] = [await redisWith(), await redisWith()]
    const server = await startTestGateway(contract, { redisUrl: redis.url })
    cleanups.push(() => server.close())
    const settings = { redisUrl: redis.url, partitions: 4, workerId: 'w', log: () => {} }
    const worker = await startWorker(settings, contract)
    cleanups.push(() => worker.close({ deadlineMs: 1_000 }))
    const admin = await connected(redis.url)
    const reads = await connected(redis.url)
    const readyz = async () => {
      const answer = await fetch(`${server.url}/readyz`)
      return `${answer.status} ${await answer.text()}`
    }
    await expect.poll(readyz).toMatch(/^200/)
    await admin.replicaof('127.0.0.1', other.port)
    await expect.poll(readyz).toMatch(/^503 .*"part":"redis".*it has become a replica.*redis\+sentinel/s)
    // It would serve them, from data that nobody writes to any more.
    await expect(reads.get('x')).rejects.toThrow()
    const stillReplica = await connected(redis.url)
    await stillReplica.replicaof('NO', 'ONE')
    await expect.poll(readyz).toMatch(/^200/)
    await expect.poll(() => reads.get('x').catch(() => 'away')).toBeNull()
  })
})
