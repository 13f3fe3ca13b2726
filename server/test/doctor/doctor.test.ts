import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import {
  type DeploymentFacts,
  type GatewayReport,
  type Read,
  readDeploymentFacts,
  type WorkerReport,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import {
  deploymentFindings,
  type MachineFacts,
  machineFindings,
  redisFindings,
  takesWrites,
} from '../../src/doctor/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { runCommand } from '../support/command-line.ts'
import { contract } from '../support/contract.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/tidegate-process.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const { server, redis } = await useRedis({ partitions: PARTITIONS })

/** Errors and warnings of a Redis that has what the private one of `tidegate start` has. */
const SOUND: Readonly<Record<string, string>> = { maxmemory: '1gb', 'aof-load-truncated': 'no' }

const configure = (parameters: Readonly<Record<string, string>>) =>
  Promise.all(Object.entries(parameters).map(([name, value]) => redis.config('SET', name, value)))

beforeEach(() => configure(SOUND))

const GATEWAY: GatewayReport = {
  url: 'http://127.0.0.1:8080',
  version: '0.1.0',
  ready: true,
  red: [],
  draining: false,
  sessions: 0,
  subscriptions: 0,
  queueBytes: 0,
  congestedSessions: 0,
  pendingBytes: 0,
  breakers: [],
  slow: [],
}

const facts = (url = server.url) => readDeploymentFacts(url, 5_000)
const seen = async (ackReplicas = 0, url = server.url) =>
  redisFindings(await facts(url), ackReplicas).map(({ severity, code }) => `${severity} ${code}`)

describe('redisFindings', () => {
  it('DOC-OK-1 a Redis as it should be has nothing to mend', async () => {
    expect(await seen()).toEqual([])
  })

  it.each<[code: string, parameters: Record<string, string>, back: Record<string, string>, ackReplicas?: number]>([
    ['error redis-unfit', { 'maxmemory-policy': 'allkeys-lru' }, { 'maxmemory-policy': 'noeviction' }],
    ['error redis-not-persistent', { appendonly: 'no' }, { appendonly: 'yes' }],
    ['error redis-snapshots-only', { appendonly: 'no', save: '3600 1' }, { appendonly: 'yes', save: '' }],
    ['error redis-never-flushes', { appendfsync: 'no' }, { appendfsync: 'everysec' }],
    ['error redis-full', { maxmemory: '1mb' }, {}],
    ['error redis-limit-beyond-memory', { maxmemory: '999gb' }, {}],
    ['error redis-refuses-writes', { 'min-replicas-to-write': '1' }, { 'min-replicas-to-write': '0' }],
    ['error redis-too-few-replicas', {}, {}, 1],
    ['error redis-many-clients', { maxclients: '2' }, { maxclients: '1000' }],
    ['warning redis-unlimited', { maxmemory: '0' }, {}],
    ['warning redis-loads-torn-file', { 'aof-load-truncated': 'yes' }, {}],
    ['warning redis-closes-idle', { timeout: '100' }, { timeout: '0' }],
    [
      'warning redis-cuts-answers',
      { 'client-output-buffer-limit': 'normal 1mb 0 0' },
      { 'client-output-buffer-limit': 'normal 0 0 0' },
    ],
  ])('DOC-ERROR-1 DOC-WARN-1 %s', async (code, parameters, back, ackReplicas = 0) => {
    await configure(parameters)
    try {
      expect(await seen(ackReplicas)).toContain(code)
    } finally {
      await configure(back)
      await configure(SOUND)
    }
    // A file that is being written anew is no fault.
    expect((await seen()).filter((found) => found !== 'note redis-rewrites')).toEqual([])
  })

  test.each<[what: string, code: string, changes: Partial<DeploymentFacts>]>([
    ['far away', 'warning redis-far', { roundTripMs: 12 }],
    ['ahead', 'warning clocks-differ', { clockAheadMs: 900 }],
    ['behind', 'warning clocks-differ', { clockAheadMs: -900 }],
    ['a full disk', 'error redis-write-failed', { info: new Map([['aof_last_write_status', 'err']]) }],
    ['a fork that failed', 'error redis-write-failed', { info: new Map([['aof_last_bgrewrite_status', 'err']]) }],
    ['silent', 'warning redis-silent', { info: new Map() }],
    [
      'replicas that nobody waits for',
      'note redis-unconfirmed-replicas',
      { info: new Map([['slave0', 'ip=10.0.0.2,port=6379,state=online,offset=1,lag=0']]) },
    ],
  ])('DOC-WARN-1 DOC-RIGHTS-1 %s: %s', async (_, code, changes) => {
    const found = redisFindings({ ...(await facts()), ...changes }, 0)
    expect(found.map((finding) => `${finding.severity} ${finding.code}`)).toContain(code)
  })
})

test('DOC-ERROR-1 a fork that failed: says that it may be for lack of memory', async () => {
  const info = new Map([['aof_last_bgrewrite_status', 'err']])
  const [found] = redisFindings({ ...(await facts()), info }, 0)
  expect(found?.todo).toMatch(/vm\.overcommit_memory=1/)
})

describe('a Redis that takes no writes', () => {
  const found = async () => {
    const { writeRefusal, ...rest } = await facts()
    return [takesWrites({ writeRefusal }), ...redisFindings({ ...rest, writeRefusal }, 0).map(({ what }) => what)]
  }

  it('DOC-WRITES-1 DOC-ERROR-1 since it is paused', async () => {
    await redis.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    try {
      expect(await found()).toEqual([false, expect.stringMatching(/holds back what writes.*CLIENT PAUSE/)])
    } finally {
      await redis.call('CLIENT', 'UNPAUSE')
    }
    expect(await found()).toEqual([true])
  })

  it('DOC-WRITES-1 DOC-ERROR-1 since its replica does not keep up', async () => {
    const replica = await startTestRedis(['--replicaof', '127.0.0.1', `${server.port}`])
    const lag = async () => /lag=(\d+)/.exec(await redis.info('replication'))?.[1]
    try {
      await until(async () => (await lag()) === '0', 'the replica follows')
      await configure({ 'min-replicas-to-write': '1', 'min-replicas-max-lag': '2' })
      await expect.poll(async () => (await found())[0], { timeout: 10_000 }).toBe(true)
      process.kill(replica.pid, 'SIGSTOP')
      await expect
        .poll(found, { timeout: 10_000, interval: 500 })
        .toEqual([
          false,
          'min-replicas-to-write is 1, and 0 replicas follow closely enough: it refuses every write.',
          expect.stringMatching(/It has replicas/),
        ])
    } finally {
      await configure({ 'min-replicas-to-write': '0' })
      process.kill(replica.pid, 'SIGCONT')
      await replica.close()
    }
  })

  it('DOC-ERROR-1 of an eviction policy it says what it is, and then what to do', async () => {
    const info = new Map([['maxmemory_policy', 'allkeys-lru']])
    expect(redisFindings({ ...(await facts()), info }, 0)[0]).toMatchObject({
      what: expect.stringMatching(
        /its maxmemory-policy is allkeys-lru: when its memory is full it would remove what was acknowledged\.$/,
      ),
      todo: expect.stringMatching(/^Set it to noeviction/),
    })
  })
})

describe('another Redis', () => {
  const started: TestRedis[] = []
  const start = async (...options: string[]) => {
    const other = await startTestRedis(options)
    started.push(other)
    return other.url
  }
  afterEach(async () => {
    for (const other of started.splice(0)) await other.close()
  })

  it('DOC-ERROR-1 in cluster mode, a replica: says what it is', async () => {
    const [cluster, replica] = await Promise.all([
      start('--cluster-enabled', 'yes'),
      start('--replicaof', '127.0.0.1', `${server.port}`),
    ])
    const what = async (url: string) => redisFindings(await facts(url), 0).map((found) => found.what)
    expect((await what(cluster)).join()).toMatch(/cannot be used: it is a node of a cluster/)
    expect((await what(replica)).join()).toMatch(/cannot be used: it is a replica/)
  })

  it('DOC-UNREACHABLE-1 DOC-EXIT-1 that refuses the login, or is not there: an error without any of its address', async () => {
    const url = await start('--requirepass', 'hunter2')
    const port = new URL(url).port
    for (const [address, why] of [
      [`redis://:wrong-one@127.0.0.1:${port}`, /refuses the user name or password/],
      [url, /asks for a password/],
      ['redis://:secret-one@127.0.0.1:1', /nothing listens/],
    ] as const) {
      const { code, out } = await doctor(address, '--json')
      const { ok, examined } = JSON.parse(out) as {
        ok: boolean
        examined: { findings: { code: string; what: string }[] }[]
      }
      const found = examined.flatMap(({ findings }) => findings).find((one) => one.code === 'redis-unreachable')
      expect([code, ok]).toEqual([1, false])
      expect(found?.what).toMatch(why)
      expect(out).not.toMatch(/wrong-one|secret-one|hunter2/)
      expect(examined).toHaveLength(3)
    }
  })

  it('DOC-RIGHTS-1 whose user lacks rights: says which', async () => {
    await redis.call(
      'ACL',
      'SETUSER',
      'poor',
      'on',
      '>p',
      '+ping',
      '+info',
      '+time',
      '+hello',
      '+client',
      '+evalsha',
      '+script',
    )
    const poor = `redis://poor:p@127.0.0.1:${server.port}`
    const [found] = redisFindings(await facts(poor), 0)
    expect(redisFindings({ ...(await facts()), lackingRights: { worker: 'much' } }, 0)).toMatchObject([
      { code: 'redis-user-of-one-role', severity: 'note', what: expect.stringMatching(/rights of a gateway alone/) },
    ])
    expect(found).toMatchObject({ code: 'redis-rights', severity: 'error', what: expect.stringMatching(/\+xadd/) })
  })
})

describe('deploymentFindings', () => {
  const EXPECTED = { partitions: PARTITIONS, contractHash: undefined }
  const codes = (changes: Partial<DeploymentFacts>, expected = {}) =>
    deploymentFindings({ ...running, takesWrites: true, ...changes }, { ...EXPECTED, ...expected }).map(
      (one) => `${one.severity} ${one.code}`,
    )
  let running: DeploymentFacts

  beforeAll(async () => {
    const worker = await startWorker(
      { redisUrl: server.url, partitions: PARTITIONS, workerId: 'w-1', log: () => {} },
      contract,
    )
    try {
      await until(async () => (await facts()).owners.every(({ owned }) => owned), 'every partition has an owner')
      running = { ...(await facts()), gateways: new Map([['gw-1', GATEWAY]]) }
    } finally {
      await worker.close({ deadlineMs: 1_000 })
    }
  })
  afterAll(() => redis.del(keys.workers))

  it('DOC-OK-1 a running deployment has nothing to mend', () => {
    expect(codes({}, { contractHash: contract.hash })).toEqual([])
  })

  it('DOC-ERROR-1 DOC-WARN-1 DOC-WRITES-1 names what does not fit, and who does not work', () => {
    const [[id, report]] = [...running.workers] as [[string, WorkerReport]]
    const worse = (changes: Partial<Read<WorkerReport>>) => ({ workers: new Map([[id, { ...report, ...changes }]]) })
    const broken = { class: 'commit', state: 'open', since: 0, retryAfterMs: 10 } as const
    const late = { ...report.partitions['0']!, lagMs: 60_000 }
    expect(codes({}, { partitions: 8 })).toEqual(['error partitions-differ'])
    expect(codes({}, { contractHash: 'another' })).toEqual(['error contract-differs'])
    expect(codes({ workers: new Map() })).toEqual(['error no-worker'])
    // Redis refuses what they would say of themselves: nobody is to start more of them.
    const [unknown] = deploymentFindings({ ...running, workers: new Map(), takesWrites: false }, EXPECTED)
    expect(unknown!.todo).toBe('Mend Redis first: running workers continue by themselves.')
    expect(codes({ partitions: undefined, gateways: new Map(), workers: new Map() })).toEqual(['note nothing-started'])
    expect(codes({ partitions: undefined })).toEqual(['error data-gone'])
    expect(codes({ owners: [{ partition: 0, owned: false }] })).toEqual(['error partitions-without-owner'])
    expect(codes(worse({ breakers: [broken] }))).toEqual(['warning breaker-open'])
    expect(codes(worse({ partitions: { 0: late } }))).toEqual(['warning partitions-behind'])
    const gateway = (changes: Partial<Read<GatewayReport>>) => ({
      gateways: new Map([['gw-1', { ...GATEWAY, ...changes }]]),
    })
    expect(codes({ gateways: new Map() })).toEqual(['warning no-gateway'])
    expect(codes(gateway({ ready: false, red: ['redis: gone'] }))).toEqual(['error gateway-not-ready'])
    expect(codes(gateway({ ready: false, draining: true }))).toEqual([])
    expect(codes(gateway({ breakers: [broken] }))).toEqual(['warning breaker-open'])
    for (const clockAheadMs of [60_000, -60_000]) {
      expect(codes({ ...worse({}), ...gateway({ clockAheadMs }) })).toEqual(['warning process-clock-differs'])
      expect(codes(worse({ clockAheadMs }))).toEqual(['warning process-clock-differs'])
    }
  })
})

test.each<[MachineFacts, string]>([
  [{ openFiles: 1_024 }, 'warning few-open-files'],
  [{ openFiles: undefined, freeBytes: 1e9 }, 'warning little-disk'],
  [{ openFiles: undefined, freeBytes: 1e6 }, 'error little-disk'],
  [{ openFiles: undefined, unwritable: 'EROFS' }, 'error data-unwritable'],
  [{ openFiles: undefined, certificate: { kind: 'usable', file: 'a.crt', leftMs: 1 } }, 'warning certificate-ends'],
  [{ openFiles: undefined, certificate: { kind: 'usable', file: 'a.crt', leftMs: 0 } }, 'error certificate-ends'],
  [{ openFiles: undefined, certificate: { kind: 'unusable', why: 'no' } }, 'error certificate-unusable'],
  [{ openFiles: undefined, overcommit: '0' }, 'warning no-overcommit'],
  [{ openFiles: undefined, hugePages: '[always] madvise never' }, 'warning huge-pages'],
])('DOC-WARN-1 machineFindings - %j: %s', (facts, code) => {
  expect(machineFindings(facts).map((one) => `${one.severity} ${one.code}`)).toEqual([code])
})

describe('tidegate doctor', () => {
  it('DOC-EXIT-1 says what is wrong and what to do, and ends with 1', async () => {
    await configure({ appendfsync: 'no' })
    const { code, out } = await doctor(server.url)
    await configure({ appendfsync: 'everysec' })
    expect(code).toBe(1)
    expect(out).toMatch(/^Redis 7\S*:\n {2}error redis-never-flushes\n {4}appendfsync is no.*\n {4}-> CONFIG SET/m)
    expect(out).toMatch(/error no-worker/)
  })

  it('DOC-ERROR-1 a config that does not load', async () => {
    const { code, out } = await doctor(server.url, '--config', 'no-such.config.ts')
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/error config-faulty\n {4}.*no-such.config.ts cannot be loaded/),
    ])
  })
})

async function doctor(url: string, ...args: string[]) {
  const before = process.env.REDIS_URL
  process.env.REDIS_URL = url
  process.env.TIDEGATE_PARTITIONS = `${PARTITIONS}`
  try {
    return await runCommand('doctor', ...args)
  } finally {
    delete process.env.TIDEGATE_PARTITIONS
    if (before === undefined) delete process.env.REDIS_URL
    else process.env.REDIS_URL = before
  }
}
