import { setTimeout as sleep } from 'node:timers/promises'
import { type BusChange, createClient, type TidegateClient } from '@tidegate/client/node'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { openTopology } from '../../src/bus/contract/topology.ts'
import { openBus, openSnapshots, readDeploymentFacts } from '../../src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { redisFindings } from '../../src/doctor/index.ts'
import { type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import { startWorker } from '../../src/worker-app.ts'
import { useAuthorities } from '../support/certificates.ts'
import { contract, readingOf } from '../support/contract.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { freePort, startTestRedis } from '../support/redis.ts'
import { SentinelGroup, SentinelProcess } from '../support/sentinel-group.ts'

/** Sentinels may fail to agree, and then wait before they vote again. */
const PATIENT = { timeout: 150_000 }
const group = await SentinelGroup.start({ replicas: 2, downAfterMs: 700, isHurried: true })
afterAll(() => group.close())
const ca = useAuthorities()('authority')

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function connect(url: string): Redis {
  const redis = openCommandConnection(url, 'test')
  cleanups.push(() => redis.disconnect())
  return redis
}

const failure = (url: string, deadlineMs = 1_000) =>
  untilReady(connect(url), deadlineMs).then(
    () => 'ready',
    (error: Error) => error.message,
  )

/** With a worker beside it. */
async function startedGateway(redisUrl: string, ackReplicas: number): Promise<RunningGateway> {
  const gateway = await startGateway(
    {
      ...{ redisUrl, partitions: 2, ackReplicas, node: 'gw', host: '127.0.0.1', port: 0, sharedPort: false },
      ...{ maxLagMs: 10_000, delivery: DELIVERY_LIMITS, onDefect: () => {} },
    },
    contract,
  )
  cleanups.push(() => gateway.close({ deadlineMs: 100 }))
  const worker = await startWorker({ redisUrl, partitions: 2, workerId: 'w', log: () => {} }, contract)
  cleanups.push(() => worker.close({ deadlineMs: 1_000 }))
  return gateway
}

/** Publishes and subscribes through a gateway, and asks it whether it is ready, all the time. */
class Traffic {
  readonly acked = new Set<string>()
  readonly delivered: string[] = []
  readonly gaps: string[] = []
  readonly bus: BusChange[] = []
  /** Answers of `/readyz`. */
  readonly statuses: number[] = []
  readonly #timers: NodeJS.Timeout[] = []
  readonly #publishing: Promise<unknown>[] = []
  #n = 0

  static async start({ port }: RunningGateway): Promise<Traffic> {
    const traffic = new Traffic()
    const url = `http://127.0.0.1:${port}`
    const client = createClient({ url })
    cleanups.push(() => client.close({ deadlineMs: 100 }))
    client.onBus((change) => traffic.bus.push(change))
    const subscription = client.subscribe('sensor.reading', {}, ({ id }) => traffic.delivered.push(id))
    subscription.onGap(({ reason }) => traffic.gaps.push(reason))
    await subscription.ready
    traffic.#begin(client, url)
    await traffic.flows()
    return traffic
  }

  #begin(client: TidegateClient, url: string): void {
    const publish = () => {
      const id = `e-${this.#n++}`
      this.#publishing.push(
        client.publish('sensor.reading', { id, ...readingOf(`s-${this.#n % 9}`) }).then(
          () => this.acked.add(id),
          () => {},
        ),
      )
    }
    const ask = async () => {
      const { status } = await fetch(`${url}/readyz`).catch(() => ({ status: 0 }))
      this.statuses.push(status)
    }
    this.#timers.push(
      setInterval(publish, 10),
      setInterval(() => void ask(), 50),
    )
    cleanups.push(() => this.stop())
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Until events that are published from now on are acknowledged and delivered, and the gateway says that it is ready. */
  async flows(): Promise<void> {
    const from = this.#n
    const has = (ids: Iterable<string>) => [...ids].some((id) => Number(id.slice(2)) >= from)
    await expect.poll(() => has(this.acked) && has(this.delivered), { interval: 20 }).toBe(true)
    await expect.poll(() => this.statuses.at(-1), { interval: 20 }).toBe(200)
  }

  /** It flows, nothing that was acknowledged is missing, and only what a failover lost before its acknowledgement was in a gap. */
  async settle(): Promise<void> {
    await this.flows()
    this.stop()
    await Promise.all(this.#publishing)
    expect(this.acked.size).toBe(this.#n)
    await expect.poll(() => this.delivered.length).toBeGreaterThanOrEqual(this.#n)
    await sleep(200)
    expect(new Set(this.delivered).size).toBe(this.#n)
    expect(this.gaps.filter((reason) => reason !== 'epoch')).toEqual([])
  }
}

describe('a master that moves', PATIENT, () => {
  it('B-SENTINEL-1 B-SENTINEL-2 killed with -9: all continues at the next one, exactly', async () => {
    const traffic = await Traffic.start(await startedGateway(group.url, 1))
    const first = await group.master()
    process.kill(first.pid, 'SIGKILL')
    await expect.poll(() => traffic.statuses.at(-1), { timeout: 2_000, interval: 20 }).toBe(503)
    await group.failedOver(first)
    await traffic.flows()
    // It believes that it is the master until the Sentinels have told it otherwise.
    await first.restart()
    await traffic.settle()
    await group.followed()
  })

  it('B-SENTINEL-1 B-SENTINEL-2 moved by hand: all continues at the next one, exactly', async () => {
    // The one before takes writes until it hears of it: what only the other replica confirmed would be lost.
    const traffic = await Traffic.start(await startedGateway(group.url, 2))
    const before = await group.followed()
    await group.promote()
    await group.failedOver(before)
    await traffic.settle()
    await group.followed()
  })

  it('B-SENTINEL-2 a connection to a Redis that is no master any more is not kept, and none to a replica is used', async () => {
    const master = await group.master()
    const redis = connect(group.url)
    await untilReady(redis, 5_000)
    await redis.set('here', master.port)
    const replica = group.nodes.find((node) => node !== master)!
    const tail = `?nat=127.0.0.1:${master.port}=127.0.0.1:${replica.port}`
    expect(await failure(group.urlOf({ tail }))).toMatch(/the Redis that the Sentinels name is still a replica/)
    // A master that hangs closes no connection by itself.
    process.kill(master.pid, 'SIGSTOP')
    try {
      await group.failedOver(master)
      const isAtMaster = async () => redis.stream.remotePort === (await group.master()).port
      await expect.poll(isAtMaster, { interval: 20 }).toBe(true)
      await expect.poll(() => redis.get('here').catch(() => null), { interval: 20 }).toBe(`${master.port}`)
    } finally {
      process.kill(master.pid, 'SIGCONT')
    }
  })
})

describe('Sentinels that are lost', PATIENT, () => {
  it('B-SENTINEL-3 interrupt nothing while the master lives, one by one or all of them', async () => {
    const traffic = await Traffic.start(await startedGateway(group.url, 1))
    const [first] = group.sentinels
    first!.signal('SIGSTOP')
    const asked = performance.now()
    expect(await failure(group.url)).toBe('ready')
    expect(performance.now() - asked).toBeLessThan(450)
    const redis = connect(group.url)
    await untilReady(redis, 1_000)
    traffic.statuses.splice(0)
    await Promise.all(group.sentinels.map((sentinel) => sentinel.kill()))
    // Twice as long as it takes until they are asked again.
    await sleep(1_000)
    redis.stream.destroy()
    await expect.poll(() => redis.get('x').catch(() => 'away')).toBeNull()
    await traffic.flows()
    await Promise.all(group.sentinels.map((sentinel) => sentinel.run().then(() => sentinel.hurry())))
    await traffic.settle()
    expect(new Set(traffic.statuses)).toEqual(new Set([200]))
    expect([traffic.bus, traffic.gaps]).toEqual([[], []])
  })
})

describe('a backup', PATIENT, () => {
  it('B-SNAPSHOT-4 a snapshot is taken from the master that Sentinels name, and from a replica', async () => {
    const filled = async () => {
      const redis = connect((await group.master()).url)
      await untilReady(redis, 5_000)
      await openTopology(() => redis, 2)
      return redis.wait(2, 5_000)
    }
    // What the tests before did to the group may not have come to rest.
    await expect.poll(() => filled().catch(() => 0), { timeout: 20_000 }).toBe(2)
    const master = await group.master()
    const replica = group.nodes.find((node) => node !== master)!
    for (const url of [group.url, replica.url]) {
      const stopped = new AbortController().signal
      const { partitions, each } = await openSnapshots({ url, waitMs: 5_000, silenceMs: 5_000, stopped })
      let bytes = 0
      for await (const piece of each[0]!.pieces) bytes += piece.length
      expect([partitions, bytes > 100]).toEqual([2, true])
    }
  })
})

describe('a start', () => {
  const nowhere = (tail: string) => `redis+sentinel://127.0.0.1:1${tail}`
  const atSentinel = (login: string, name: string) =>
    `redis+sentinel://${login}127.0.0.1:${group.sentinels[0]!.port}${name}`

  it.each([
    ['no Sentinel', () => nowhere('/main'), /no Sentinel answers: nothing listens at that address/],
    ['an unknown name', () => atSentinel('', '/other'), /watch no master of the name in REDIS_URL/],
    [
      'a Redis as Sentinel',
      () => `redis+sentinel://127.0.0.1:${group.nodes[0]!.port}/main`,
      /as a Sentinel is a Redis/,
    ],
    ['a user that the master does not have', () => group.urlOf({ login: 'x:hunter2@' }), /refuses the user name/],
    ['a Sentinel as Redis', () => `redis://127.0.0.1:${group.sentinels[0]!.port}/1`, /it is a Sentinel/],
  ])('B-SENTINEL-4 %s - is said', async (_, url, said) => {
    const why = await failure(url(), 400)
    expect(why).toMatch(said)
    expect(why).not.toContain('hunter2')
  })

  it('B-SENTINEL-4 B-REDIS-3 of a command, on a Sentinel or a cluster: is refused by what it is', async () => {
    const cluster = await startTestRedis(['--cluster-enabled', 'yes'])
    cleanups.push(() => cluster.close())
    const refused = async (url: string) => {
      const opened = openBus({ url, name: 'cli', channels: ['query'] })
      return opened.then(
        () => expect.unreachable(),
        (error: Error) => `${error.name}: ${error.message}`,
      )
    }
    expect(await refused(`redis://127.0.0.1:${group.sentinels[0]!.port}`)).toMatch(/^BusMismatch: .*it is a Sentinel/)
    expect(await refused(cluster.url)).toMatch(/^BusMismatch: .*it is a node of a cluster/)
  })

  it('B-SENTINEL-4 B-SENTINEL-5 Sentinels with a password, and a user who may do what the page says', async () => {
    const { port } = group.nodes[0]!
    const sentinel = await SentinelProcess.start([`sentinel monitor main 127.0.0.1 ${port} 1`])
    cleanups.push(() => sentinel.close())
    const rights = '+sentinel|get-master-addr-by-name +sentinel|master +client|setname +hello'
    await sentinel.command('ACL', 'SETUSER', 'tidegate', 'on', '>PASSWORD', '-@all', ...rights.split(' '))
    await sentinel.command('ACL', 'SETUSER', 'default', 'resetpass', '>hunter2')
    const url = (parameters: string) => `redis+sentinel://127.0.0.1:${sentinel.port}/main${parameters}`
    expect(await failure(url(''))).toMatch(/the Sentinels ask for a password/)
    expect(await failure(url('?sentinelPassword=other'))).toMatch(/the Sentinels refuse the sentinelUser or/)
    const nat = `nat=127.0.0.1:${port}=127.0.0.1:${(await group.master()).port}`
    expect(await failure(url(`?sentinelPassword=hunter2&${nat}`))).toBe('ready')
    expect(await failure(url(`?sentinelUser=tidegate&sentinelPassword=PASSWORD&${nat}`))).toBe('ready')
  })

  it('B-SENTINEL-5 over TLS, at an address that is another one from outside, in a database', async () => {
    const { cert, key } = ca.issue('redis')
    const [redisPort, sentinelPort] = [await freePort(), await freePort()]
    const files = { 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': ca.cert, 'tls-auth-clients': 'no' }
    const options = Object.entries({ 'tls-port': `${redisPort}`, ...files })
    const redis = await startTestRedis(options.flatMap(([name, value]) => [`--${name}`, value]))
    cleanups.push(() => redis.close())
    const sentinel = await SentinelProcess.start([
      `sentinel monitor main 127.0.0.1 ${redis.port} 1`,
      `tls-port ${sentinelPort}`,
      ...Object.entries(files).map((pair) => pair.join(' ')),
    ])
    cleanups.push(() => sentinel.close())
    const nat = `127.0.0.1:${redis.port}=localhost:${redisPort}`
    const url = `rediss+sentinel://localhost:${sentinelPort}/main/3?${new URLSearchParams({ ca: ca.cert, nat })}`
    const settings = { redisUrl: url, redisWaitMs: 5_000, partitions: 2, workerId: 'w', log: () => {} }
    const worker = await startWorker(settings, contract)
    await worker.close({ deadlineMs: 1_000 })
    const plain = connect(`${redis.url}/3`)
    await untilReady(plain, 5_000)
    expect(await plain.exists('tg:cluster')).toBe(1)
  })
})

describe('the doctor', () => {
  it('DOC-SENTINEL-1 has nothing to say of a whole group, and finds what a failover lacks', async () => {
    const seen = async (url: string, ackReplicas: number) =>
      redisFindings(await readDeploymentFacts(url, 5_000), ackReplicas)
        .map(({ severity, code }) => `${severity} ${code}`)
        .filter((line) => /sentinel|replicas/.test(line))
    await expect.poll(() => seen(group.url, 1)).toEqual([])
    expect(await seen(group.url, 0)).toEqual(['warning redis-unconfirmed-replicas'])
    const [one, ...others] = group.sentinels
    expect(await seen(`redis+sentinel://127.0.0.1:${one!.port}/main`, 1)).toEqual(['note sentinel-unnamed'])
    await Promise.all(others.map((sentinel) => sentinel.kill()))
    await expect.poll(() => seen(group.url, 1)).toEqual(['error sentinel-no-quorum', 'warning sentinel-silent'])
    const facts = await readDeploymentFacts(group.url, 5_000)
    const sentinels = { ...facts.sentinels!, noFailover: undefined, answering: 3, masters: 2, watching: 2, replicas: 0 }
    expect(redisFindings({ ...facts, sentinels }, 1).map(({ code }) => code)).toEqual(
      expect.arrayContaining(['sentinel-no-replica', 'sentinel-disagree', 'sentinel-few']),
    )
  })
})
