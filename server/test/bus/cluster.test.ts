import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import {
  type Bus,
  type BusSettings,
  BusUnavailable,
  type LogEntry,
  openReachableBus,
  RecordBatchBuilder,
  readDeploymentFacts,
} from '../../src/bus/index.ts'
import { JobOffers, JobQueue } from '../../src/bus/jobs/index.ts'
import { keys, QUEUE_PREFIX } from '../../src/bus/keys.ts'
import { slotOf } from '../../src/bus/redis/hash-slot.ts'
import { type DeploymentStatus, deploymentStatus } from '../../src/cli/deployment/status.ts'
import { statusScreen } from '../../src/cli/deployment/status-screen.ts'
import { readTopics } from '../../src/cli/deployment/topics.ts'
import { redisFindings } from '../../src/doctor/index.ts'
import { type PartitionFigures, WorkerMetrics } from '../../src/observability/worker-metrics.ts'
import { readExposition } from '../observability/exposition.ts'
import { openTestBus } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { type ClusterProcess, RedisCluster } from '../support/redis-cluster.ts'

const PARTITIONS = 8
const TOPIC = 'a.b'
const cluster = await RedisCluster.start({ masters: 3 })
afterAll(() => cluster.close())

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function opened(changes: Partial<BusSettings> = {}): Promise<Bus> {
  const bus = await openTestBus(cluster.url, PARTITIONS, changes)
  cleanups.push(() => bus.close())
  return bus
}

function batchOf(topic: string, id: string) {
  const builder = new RecordBatchBuilder()
  builder.addSlice([{ key: 'k', lane: 'low', time: 1, json: `{"id":"${id}","key":"k","time":1,"data":{}}` }])
  return { topic, ...builder.build() }
}

const all = [...Array(PARTITIONS).keys()]
const ownerOf = (partition: number) => cluster.ownerOf(keys.meta(partition))

/** Stores an event, however often it takes. @returns how often */
async function store(bus: Bus, partition: number, id: string, seq: number): Promise<number> {
  const identity = { producer: `p${partition}`, session: 1, seq, previous: '*' as const, checksum: id, ageMs: 0 }
  for (let attempt = 1; ; attempt++) {
    try {
      const reply = await bus
        .log(partition, 'append')
        .append({ batches: [batchOf(TOPIC, id)], slices: [{ batch: 0, lastIndex: 0, identity }] })
      if (reply.status === 'ok') return attempt
      await bus.log(partition, 'append').settle(reply, [])
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      await sleep(Math.max(10, error.retryAfterMs))
    }
  }
}

const idOf = ({ payload }: LogEntry) => (JSON.parse(payload.toString()) as { id: string }).id

describe('every operation', () => {
  it('B-CLUSTER-1 of a partition is done by the master of its slot', async () => {
    const bus = await opened()
    expect(new Set(await Promise.all(all.map(ownerOf))).size).toBe(3)
    const releases: (() => Promise<boolean>)[] = []
    for (const partition of all) {
      expect(await store(bus, partition, 'e0', 1)).toBe(1)
      const log = bus.log(partition, 'query')
      const { entries } = await log.page(TOPIC, '-', 10)
      expect(entries.map(idOf)).toContain('e0')
      const last = entries.at(-1)!.streamId
      expect(await log.canary('')).toMatchObject({ status: 'ok' })
      expect((await log.heads([TOPIC])).topics.get(TOPIC)!.lastId).toBe(last)
      expect((await log.sizes([TOPIC, 'no.such'])).get(TOPIC)!.lastId).toBe(last)
      expect((await log.extents([TOPIC])).get(TOPIC)!.lastId).toBe(last)
      expect((await log.backlog(TOPIC, '0-0')).entries).toBe(entries.length)
      expect((await log.standing([TOPIC])).lastIds.get(TOPIC)).toBe(last)
      const { epoch } = await log.lineage()
      expect(await log.missing([{ topic: TOPIC, epoch, streamId: last }])).toEqual([])

      const ledger = bus.ledger(partition, 'commit')
      const taken = await ledger.take()
      if (taken.status !== 'ok') throw new Error(taken.status)
      const { token } = taken.ownership
      const version = await log.version()
      const { commitSeq, offsets } = await ledger.head()
      const outcome = await ledger.commit({
        ...{ log: version, token, commitSeq, commitId: randomUUID(), offsetsBefore: offsets, offsets, clocks: '{}' },
        operations: [{ op: 'set', hash: 'win:w', fields: [['f', 'v']] }],
      })
      expect(outcome.status).toBe('ok')
      expect((await ledger.load(['win:w'])).get('win:w')).toEqual([['f', 'v']])
      expect(await ledger.memoryOf(['win:w'])).toBeGreaterThan(0)
      await ledger.noteLogBytes(token, [TOPIC])
      expect(await ledger.noteSuspect(version, token, 's')).toBeUndefined()
      expect(await ledger.trim(version, token, TOPIC, last)).toBeUndefined()
      await ledger.expireCurrent(token, TOPIC, { retentionMs: 1_000, cursor: '0', count: 10 })
      expect(await log.replace(version, TOPIC, last, [])).toEqual([])
      expect(await ledger.beat(token)).toBe(true)
      releases.push(() => ledger.release(token))

      const presence = bus.presence(partition, 'append')
      expect(await presence.report({ gateway: 'g', turn: Date.now(), set: [['f', 'v']], remove: [] })).toBe('ok')
      expect(await bus.presence(partition, 'commit').look(new Map())).toMatchObject([{ gateway: 'g' }])
      const fill = bus.backfillLedger(partition, 'w', 'jobs')
      expect(
        await fill.open({ log: version, version: randomUUID(), run: '{}', offsets: '', leftovers: ['win:w'] }),
      ).toBe('opened')
      const filling = await fill.take()
      if (filling.status !== 'ok') throw new Error(filling.status)
      const end = { status: 'done', reason: '', filled: '[]', state: ['win:w'] } as const
      expect(await fill.close(version, filling.ownership.token, end)).toBeUndefined()
      expect(Math.abs((await bus.now(partition)) - Date.now())).toBeLessThan(1_000)
    }
    const owners = await bus.owners()
    expect(owners.map(({ partition }) => partition).sort()).toEqual(all)
    expect(owners.every(({ owned }) => owned)).toBe(true)
    for (const release of releases) expect(await release()).toBe(true)
  })

  it('B-CLUSTER-1 of what belongs to no partition is done where it lies', async () => {
    const contract = { hash: 'h', record: '{}', relationTo: () => 'same' as const, differencesFrom: () => [] }
    const bus = await opened({ contract, entities: new Map(), storesEntities: true })
    const roster = bus.roster('w')
    expect(await roster.renew(WORKER)).toBe(1)
    expect([...(await bus.workers()).keys()]).toEqual(['w'])
    await roster.leave()
    const gateway = bus.gatewayEntry('g')
    await gateway.renew({ ...GATEWAY, breakers: bus.breakers })
    expect([...(await bus.gateways()).keys()]).toEqual(['g'])
    await gateway.leave()
    expect((await bus.gateways()).size).toBe(0)
    const access = bus.access()
    await access.putKey('k', '{}')
    expect((await access.load()).keys.get('k')).toBe('{}')
    await access.putTicket('t', '{}', 1_000)
    expect(await access.takeTicket('t')).toBe('{}')
    expect(await bus.raiseSequence(5)).toBeGreaterThanOrEqual(5)
    expect(await bus.contract()).toMatchObject({ hash: 'h', record: '{}', isRunning: true })
    expect(await bus.backfills()).toEqual([])
    expect(await bus.look()).toMatchObject({ faults: [] })
    const states = await bus.redisStates(() => true)
    expect(states.map(({ node }) => node).sort()).toEqual(namesOf(cluster.nodes))
    for (const { usedBytes, clients } of states) {
      expect(usedBytes).toBeGreaterThan(1_000_000)
      expect(clients).toBeGreaterThan(1)
    }
  })

  it('B-CLUSTER-1 jobs are taken where the queue lies, and follow it when it moves', async () => {
    const bus = await opened()
    const kind = { queue: 'test', idOf: ({ n }: { n: number }) => `n${n}` }
    const done: number[] = []
    const queue = new JobQueue(bus, kind, async ({ n }) => void done.push(n))
    const offers = new JobOffers(bus, kind)
    cleanups.push(async () => {
      await queue.close()
      await offers.close()
    })
    await offers.offer({ n: 1 })
    await expect.poll(() => done).toEqual([1])
    await queue.boundExpiries()
    const before = await cluster.ownerOf(QUEUE_PREFIX)
    await cluster.moveSlot(slotOf(QUEUE_PREFIX), other(before))
    await offers.offer({ n: 2 })
    await expect.poll(() => done).toEqual([1, 2])
  })
})

const NONE = { events: 0, late: 0, full: 0, panes: 0, deadLetters: 0 }
const WORKER = { ...{ breakers: [], partitions: {}, commits: {}, commitMs: 0, slowestCommitMs: 0 }, folded: NONE }
const GATEWAY = {
  ...{ url: '', version: '', ready: true, red: [], draining: false, sessions: 0, subscriptions: 0, queueBytes: 0 },
  ...{ congestedSessions: 0, pendingBytes: 0, slow: [] },
}

const namesOf = (nodes: readonly ClusterProcess[]) => nodes.map(({ port }) => `127.0.0.1:${port}`).sort()
const other = (than: ClusterProcess) => cluster.nodes.find((node) => node !== than)!

/** Reads a partition from its beginning, as a tail does. */
function reading(bus: Bus, partition: number): { readonly ids: string[] } {
  const tail = bus.tail(partition, 'test')
  const ids: string[] = []
  let cursor = '0-0'
  let isClosed = false
  const run = async () => {
    while (!isClosed) {
      try {
        if (!tail.synced) await tail.sync([TOPIC])
        for (const entry of await tail.read(new Map([[TOPIC, cursor]]), { count: 32, blockMs: 1_000 })) {
          cursor = entry.streamId
          ids.push(idOf(entry))
        }
      } catch (error) {
        if (!isClosed && !(error instanceof BusUnavailable)) throw error
        await sleep(20)
      }
    }
  }
  const running = tail.untilReady(5_000).then(run)
  cleanups.push(async () => {
    isClosed = true
    tail.close()
    await running
  })
  return { ids }
}

describe('a slot that moves', () => {
  it('B-CLUSTER-2 B-CLUSTER-5 interrupts only its partition, which loses and repeats nothing', async () => {
    const bus = await opened()
    const [moving, staying] = await twoOfOneNode()
    const before = await ownerOf(moving)
    const tails = [reading(bus, moving), reading(bus, staying)]
    const stored: string[][] = [[], []]
    let isOver = false
    const publish = async (partition: number, ids: string[]) => {
      let worst = 0
      for (let n = 1; !isOver; n++) {
        const id = `${partition}-m${n}`
        const startedAt = performance.now()
        await store(bus, partition, id, 1_000 + n)
        ids.push(id)
        worst = Math.max(worst, performance.now() - startedAt)
      }
      return worst
    }
    const publishing = Promise.all([publish(moving, stored[0]!), publish(staying, stored[1]!)])
    await sleep(200)
    await cluster.moveSlot(slotOf(keys.meta(moving)), other(before), () => sleep(500))
    expect(await ownerOf(moving)).not.toBe(before)
    const count = stored[0]!.length
    await expect.poll(() => stored[0]!.length).toBeGreaterThan(count + 10)
    isOver = true
    const [, worstOfOther] = await publishing
    expect(worstOfOther).toBeLessThan(250)
    for (const [i, ids] of stored.entries()) {
      await expect.poll(() => tails[i]!.ids.slice(-ids.length)).toEqual(ids)
    }
    expect(bus.breakers.filter(({ state }) => state !== 'closed')).toEqual([])
  })

  it('B-CLUSTER-2 so is a call of several commands: no worker counts nobody, and no revocation fails', async () => {
    const bus = await opened()
    const roster = bus.roster('w')
    cleanups.push(() => roster.leave())
    const access = bus.access()
    const counts = new Set<unknown>()
    let isOver = false
    const asking = (async () => {
      for (let n = 0; !isOver; n++) {
        counts.add(await roster.renew(WORKER))
        await access.putRevocations({ 'sub a': `${n}` }, [])
        expect((await access.load()).revocations.get('sub a')).toBe(`${n}`)
      }
    })()
    for (const key of [keys.workers, keys.accessVersion, keys.workers, keys.accessVersion]) {
      await cluster.moveSlot(slotOf(key), other(await cluster.ownerOf(key)))
      await sleep(50)
    }
    isOver = true
    await asking
    expect([...counts]).toEqual([1])
  })

  it('B-CLUSTER-4 a script that removes and writes keys is refused before it begins', async () => {
    const bus = await opened()
    const partition = 0
    const before = await ownerOf(partition)
    const ledger = bus.ledger(partition, 'commit')
    const taken = await ledger.take()
    if (taken.status !== 'ok') throw new Error(taken.status)
    const { token } = taken.ownership
    const commit = async (operations: Parameters<typeof ledger.commit>[0]['operations']) => {
      const [log, { commitSeq, offsets }] = [await bus.log(partition, 'query').version(), await ledger.head()]
      const head = { log, token, commitSeq, commitId: randomUUID(), offsetsBefore: offsets, offsets, clocks: '{}' }
      return ledger.commit({ ...head, operations })
    }
    const set = { op: 'set', hash: 'win:w', fields: [['f', 'v']] } as const
    expect((await commit([set])).status).toBe('ok')
    const slot = String(slotOf(keys.meta(partition)))
    await before.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await other(before).id())
    try {
      await expect(commit([{ op: 'drop', hash: 'win:w' }, set])).rejects.toThrow(/TRYAGAIN/)
      expect(await before.command('EXISTS', keys.owned(partition, 'win:w'))).toBe(1)
    } finally {
      await before.command('CLUSTER', 'SETSLOT', slot, 'STABLE')
    }
    expect((await commit([{ op: 'drop', hash: 'win:w' }, set])).status).toBe('ok')
    await ledger.release(token)
  })
})

/** Two partitions that lie on one node. */
async function twoOfOneNode(): Promise<[number, number]> {
  const owners = await Promise.all(all.map(ownerOf))
  for (const one of all) for (const two of all) if (one < two && owners[one] === owners[two]) return [one, two]
  throw new Error('each partition has a node of its own')
}

describe('a tail', () => {
  it('B-CLUSTER-5 that is woken ends its own read, and not those of other nodes', async () => {
    const bus = await opened()
    const tails = all.map((partition) => bus.tail(partition, 'test'))
    for (const tail of tails) cleanups.push(() => tail.close())
    const waited = await Promise.all(
      tails.map(async (tail) => {
        await tail.untilReady(5_000)
        await tail.sync([])
        return () => tail.read(new Map([['no.such', '0-0']]), { count: 1, blockMs: 900 })
      }),
    )
    const startedAt = performance.now()
    const ends = waited.map((read) => read().then(() => performance.now() - startedAt))
    await sleep(100)
    tails[0]!.wake()
    const [woken, ...others] = await Promise.all(ends)
    expect(woken).toBeLessThan(600)
    expect(Math.min(...others)).toBeGreaterThan(850)
  })
})

describe('the doctor', () => {
  it('DOC-CLUSTER-1 what the doctor finds names the node; of each there is what it holds', async () => {
    await opened()
    const facts = await readDeploymentFacts(cluster.url, 5_000)
    expect(facts.others.length).toBe(2)
    expect(facts.owners.map(({ partition }) => partition)).toEqual(all)
    const found = redisFindings(facts, 0).filter(({ code }) => code === 'cluster-no-replica')
    // What is so of all is said once.
    expect(found).toHaveLength(1)
    for (const node of namesOf(cluster.nodes)) expect(found[0]!.what).toContain(node)
    const yes = new Map([['cluster-require-full-coverage', 'yes']])
    expect(redisFindings({ ...facts, parameters: yes }, 0).map(({ code }) => code)).toContain('cluster-full-coverage')
    expect(redisFindings(facts, 1).map(({ code }) => code)).toContain('redis-too-few-replicas')
  })
})

describe('figures of the nodes', () => {
  it('X-STATUS-1 status - has a line for each master with its partitions, and sums', async () => {
    await opened()
    const status = deploymentStatus(await readDeploymentFacts(cluster.url, 5_000), [], Date.now(), 0)
    const { masters, nodes, usedBytes } = status.redis
    expect([nodes, masters.map(({ node }) => node)]).toEqual([3, namesOf(cluster.nodes)])
    expect(masters.flatMap(({ partitions }) => partitions).sort()).toEqual(all)
    expect(usedBytes).toBe(masters.reduce((sum, master) => sum + master.usedBytes!, 0))
    const screen = statusScreen(status, 80)
    for (const { node, partitions } of masters) {
      expect(screen.find((line) => line.startsWith(node))).toMatch(
        new RegExp(`^${node} +${partitions[0]}.* [KMG]iB.* on +`),
      )
    }
    expect(screen.filter((line) => line.length > 80)).toEqual([])
  })

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'X-STATUS-4 X-AWAY-1 DOC-CLUSTER-2 status, lag and doctor - a master after %s is named, and the rest is shown',
    async (signal) => {
      await opened()
      const owners = await Promise.all(all.map(ownerOf))
      const knowing = await cluster.ownerOf(keys.cluster)
      const victim = signal === 'SIGKILL' ? knowing : cluster.nodes.find((node) => node !== knowing)!
      const heldBy = (isVictim: boolean) => all.filter((partition) => (owners[partition] === victim) === isVictim)
      if (signal === 'SIGKILL') await victim.kill()
      else victim.signal(signal)
      vi.stubEnv('REDIS_URL', cluster.url)
      vi.stubEnv('TIDEGATE_PARTITIONS', `${PARTITIONS}`)
      try {
        const since = performance.now()
        const { code, out, err } = await runCommand('status', '--json')
        expect(performance.now() - since).toBeLessThan(5_000)
        expect([code, err]).toEqual([1, ''])
        const [node] = namesOf([victim])
        const status = JSON.parse(out) as DeploymentStatus
        expect(status.away).toMatchObject([{ node, partitions: heldBy(true) }])
        expect(status.redis.masters).toHaveLength(3)
        expect(status.partitions.map(({ partition }) => partition)).toEqual(heldBy(false))
        expect(status.findings[0]).toMatchObject({ code: 'node-away', severity: 'error' })
        expect(statusScreen(status, 80).find((line) => line.startsWith(node!))).toContain('DOES NOT ANSWER')
        // It looks in the same way, and has nothing else to show of it.
        if (signal === 'SIGSTOP') return
        const missing = new RegExp(
          `^Node ${node} does not answer, which has partitions? [\\d, -]+ of this: .*nothing listens`,
          'm',
        )
        expect(await runCommand('lag')).toMatchObject({ code: 1, out: expect.stringMatching(missing) })
        const settings = { url: cluster.url, name: 'test', channels: ['query'], waitMs: 2_000 } as const
        const { bus, away, readable } = await openReachableBus(settings, PARTITIONS)
        cleanups.push(() => bus.close())
        expect(away).toMatchObject([{ node, partitions: heldBy(true) }])
        const topic = { name: 'sensor.reading', kind: 'source', retentionMs: 1 } as const
        const [stored] = await readTopics(bus, [topic], readable)
        expect(stored!.partitions.map(({ partition }) => partition)).toEqual(heldBy(false))
        expect(await runCommand('doctor')).toMatchObject({
          code: 1,
          out: expect.stringMatching(new RegExp(`error node-away\\n +Node ${node} does not answer`)),
        })
      } finally {
        vi.unstubAllEnvs()
        if (signal === 'SIGKILL') await victim.run()
        else victim.signal('SIGCONT')
        await cluster.ready()
      }
    },
  )

  it('M-REDIS-1 M-ONCE-1 metrics - of each master from the worker that owns its first partition; one that hangs has none', async () => {
    const bus = await opened()
    const owners = await Promise.all(all.map(ownerOf))
    const firsts = cluster.nodes.map((node) => owners.indexOf(node))
    let owned = new Map<number, PartitionFigures>()
    const figures = { lagMs: 0, lagEntries: 0, openStates: 0, stateBytes: 0, slowestSources: [] }
    const own = (partitions: readonly number[]) => {
      const none = { watermarkDelaysMs: new Map(), present: new Map() }
      owned = new Map(partitions.map((partition) => [partition, { ...figures, ...none }]))
    }
    const metrics = new WorkerMetrics('w')
    metrics.observe({
      ...{ partitions: PARTITIONS, breakers: () => bus.breakers, isReady: () => true, owned: () => owned },
      ...{
        totals: () => ({ ...NONE, lostInputs: 0, unreadableBatches: 0 }),
        redis: (isOwned) => bus.redisStates(isOwned),
      },
    })
    const shown = async (name: string, labels = {}) =>
      readExposition(await metrics.render())
        .get(name)!
        .samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
        .map((sample) => sample.labels.redis)
        .sort()
    const memory = 'tidegate_redis_memory_used_bytes'
    own(all)
    expect(await shown(memory)).toEqual(namesOf(cluster.nodes))
    expect(await shown('tidegate_redis_connections')).toEqual(namesOf(cluster.nodes))
    expect(await shown('tidegate_breaker_state', { class: 'append', state: 'open' })).toEqual(namesOf(cluster.nodes))
    for (const [i, first] of firsts.entries()) {
      own([first])
      expect(await shown(memory)).toEqual(namesOf([cluster.nodes[i]!]))
      own(all.filter((partition) => partition !== first))
      expect(await shown(memory)).toEqual(namesOf(cluster.nodes.filter((_, other) => other !== i)))
    }
    own(all)
    const [hung, ...others] = cluster.nodes
    hung!.signal('SIGSTOP')
    try {
      expect(await shown(memory)).toEqual(namesOf(others))
    } finally {
      hung!.signal('SIGCONT')
    }
    await expect.poll(() => shown(memory)).toEqual(namesOf(cluster.nodes))
  })
})

describe('a node that hangs', () => {
  it('B-CLUSTER-3 fails the calls of its partitions, and no others', async () => {
    const bus = await opened({ deadlinesMs: { append: 180 } })
    const hung = await ownerOf(0)
    const elsewhere = (await Promise.all(all.map(ownerOf))).findIndex((owner) => owner !== hung)
    await Promise.all([store(bus, 0, 'h0', 5_000), store(bus, elsewhere, 'h0', 5_000)])
    hung.signal('SIGSTOP')
    let worst = 0
    try {
      for (let n = 1; bus.retryAfterMs('append', 0) === 0; n++) {
        const other = performance.now()
        const stored = store(bus, elsewhere, `h${n}`, 5_000 + n).then(() => performance.now() - other)
        await bus
          .log(0, 'append')
          .canary('')
          .catch(() => {})
        worst = Math.max(worst, await stored)
      }
      expect(bus.retryAfterMs('append', elsewhere)).toBe(0)
      expect(bus.breaker('append').state).toBe('closed')
      const open = bus.breakers.filter(({ state }) => state !== 'closed')
      expect(open.map(({ node }) => node)).toContain(`127.0.0.1:${hung.port}`)
      expect(new Set(open.map(({ node }) => node)).size).toBe(1)
      const { faults, owners } = await bus.look()
      expect(faults.map(({ node }) => node)).toEqual([`127.0.0.1:${hung.port}`])
      expect(owners.length).toBeGreaterThan(0)
      expect(owners.length).toBeLessThan(PARTITIONS)
      expect((await bus.owners()).length).toBe(owners.length)
    } finally {
      hung.signal('SIGCONT')
    }
    expect(worst).toBeLessThan(250)
    await store(bus, 0, 'h-after', 9_000)
    await expect.poll(() => bus.retryAfterMs('append', 0)).toBe(0)
  })
})
