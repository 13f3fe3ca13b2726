import { setTimeout as sleep } from 'node:timers/promises'
import { ANSWERS_TOPIC, BatchReader, COMMANDS_TOPIC } from '../../../../server/src/bus/index.ts'
import { keys } from '../../../../server/src/bus/keys.ts'
import { logOf } from '../../../../server/test/support/bus.ts'
import { countChanged, holdAppend, holdCommit, letThrough, metasOf } from '../../support/owners.ts'
import type { Fsync } from '../../support/redis-server.ts'
import { PARTITIONS } from '../deployment.ts'
import type { Member } from '../member.ts'
import type { EntityScenario, EntityStage } from './entity-scenario.ts'

/** A worker's partitions are another's after 1.5 s, and what waited is run then. */
const TAKEOVER_MS = 2_500
/** As for events: `recoveredMs`. */
const RECOVERY_MS = 3_000
/** Clients that have lost their gateway connect to another one. */
const RECONNECT_MS = 2_500
const MAX_ATTEMPTS = 20
const BETWEEN_ATTEMPTS_MS = 100
/** Enough for Redis to serve what it held back. */
const STORED_MS = 40
/** An append of one command has about 500 bytes, a canary 160. */
const APPEND_BYTES = 300
const IN_FLIGHT = 1_000
/** As many as a connection may have without an outcome. */
const IN_FLIGHT_EACH = 50
const IN_FLIGHT_DEADLINE_MS = 1_000
/** Longer than an owner's heartbeat is believed. */
const ASLEEP_MS = 4_000
const REDIS_AWAY_MS = 2_000
/** About half a second of the load. */
const UNWRITTEN_BYTES = 100_000
/** Within what clients send again. */
const BACKUP_AGE_MS = 2_000
/** Clients that find no gateway wait longer each time. */
const RESTART_MS = 12_000
const POLL_MS = 5

/** The member with this name in Redis. */
function memberOf(members: readonly Member[], node: string): Member {
  return members.find(({ name }) => node.startsWith(`${name}-`))!
}

/** kill -9, and another in its place. */
async function replace(victim: Member, beside: Promise<unknown>[]): Promise<void> {
  await victim.kill()
  beside.push(victim.start())
}

/** Holds back a call until one comes, over several attempts: Redis must not be held for longer than calls wait. */
async function untilHeld(stage: EntityStage, hold: () => Promise<string | undefined>): Promise<string> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const node = await hold()
    if (node !== undefined) return node
    await letThrough(stage.redis)
    await sleep(BETWEEN_ATTEMPTS_MS)
  }
  throw new Error(`no call came in any of ${MAX_ATTEMPTS} attempts`)
}

/** Newest entries of a log, by partition. No script: Redis would hold it back with the writes. */
async function endsOf({ redis }: EntityStage, topic: string): Promise<string[]> {
  const newest = Array.from({ length: PARTITIONS }, (_, p) => redis.xrevrange(keys.log(p, topic), '+', '-', 'COUNT', 1))
  return (await Promise.all(newest)).map(([entry]) => entry?.[0] ?? '0-0')
}

async function countGrown(stage: EntityStage, topic: string, before: readonly string[]): Promise<number> {
  const now = await endsOf(stage, topic)
  return before.filter((end, p) => end !== now[p]).length
}

/** @throws when it is none */
function hits(count: number, what: string): number {
  if (count > 0) return count
  throw new Error(`without effect: ${what}`)
}

const WORKERS: readonly EntityScenario[] = [
  {
    name: 'entity-worker-killed-before-append',
    about: 'kill -9 of a worker while gateways append commands that Redis has not stored',
    deployment: { fsync: 'everysec' },
    answersInMs: TAKEOVER_MS,
    async disturb(stage) {
      const { deployment, redis, load, random, beside } = stage
      await untilHeld(stage, () => holdAppend(redis, APPEND_BYTES))
      const before = await endsOf(stage, COMMANDS_TOPIC)
      await replace(deployment.workers[Math.floor(random() * 2)]!, beside)
      const wereStored = await countGrown(stage, COMMANDS_TOPIC, before)
      await letThrough(redis)
      return hits(wereStored > 0 ? 0 : load.unsettled.length, 'commands were stored before the worker was killed')
    },
  },
  {
    name: 'entity-worker-killed-after-append',
    about: 'kill -9 of a worker that has run stored commands, before Redis stores its commit',
    deployment: { fsync: 'everysec' },
    answersInMs: TAKEOVER_MS,
    async disturb(stage) {
      const { deployment, redis, beside } = stage
      const node = await untilHeld(stage, () => holdCommit(redis))
      await replace(memberOf(deployment.workers, node), beside)
      await sleep(STORED_MS)
      const before = await metasOf(redis, node, 'commitSeq')
      await letThrough(redis)
      await sleep(STORED_MS)
      const wasStored = (await countChanged(redis, before, 'commitSeq')) > 0
      return hits(wasStored ? 0 : before.size, 'the commit was stored')
    },
  },
  {
    name: 'entity-worker-killed-after-commit',
    about: 'kill -9 of a worker whose commit is stored, before it sees the reply',
    deployment: { fsync: 'everysec' },
    answersInMs: TAKEOVER_MS,
    async disturb(stage) {
      const { deployment, redis, beside } = stage
      const node = await untilHeld(stage, () => holdCommit(redis))
      const victim = memberOf(deployment.workers, node)
      victim.signal('SIGSTOP')
      const before = await metasOf(redis, node, 'commitSeq')
      await letThrough(redis)
      await sleep(STORED_MS)
      const stored = await countChanged(redis, before, 'commitSeq')
      await replace(victim, beside)
      return hits(stored, 'no commit was stored while its worker slept')
    },
  },
  {
    name: 'entity-worker-killed-before-answer',
    about: 'kill -9 of a worker that has committed answers, before the gateways, which sleep, have read them',
    deployment: { fsync: 'everysec' },
    answersInMs: TAKEOVER_MS,
    async disturb(stage) {
      const { deployment, redis, beside } = stage
      const node = await untilHeld(stage, () => holdCommit(redis))
      for (const gateway of deployment.gateways) gateway.signal('SIGSTOP')
      const before = await endsOf(stage, ANSWERS_TOPIC)
      await letThrough(redis)
      await sleep(STORED_MS)
      const answered = await countGrown(stage, ANSWERS_TOPIC, before)
      await replace(memberOf(deployment.workers, node), beside)
      for (const gateway of deployment.gateways) gateway.signal('SIGCONT')
      return hits(answered, 'no answer was stored while the gateways slept')
    },
  },
  {
    name: 'entity-worker-asleep',
    about: `a worker sleeps for ${ASLEEP_MS / 1_000} s with a commit on its way, past takeover, and wakes beside the new owner`,
    deployment: { fsync: 'everysec' },
    answersInMs: TAKEOVER_MS,
    async disturb(stage) {
      const { deployment, redis, beside } = stage
      const node = await untilHeld(stage, () => holdCommit(redis))
      const sleeper = memberOf(deployment.workers, node)
      sleeper.signal('SIGSTOP')
      const before = await metasOf(redis, node, 'token')
      await letThrough(redis)
      beside.push(
        sleep(ASLEEP_MS).then(async () => {
          hits(await countChanged(redis, before, 'token'), 'nobody took over from the sleeper')
          sleeper.signal('SIGCONT')
        }),
      )
      return hits(before.size, 'the sleeper owned nothing')
    },
  },
]

const GATEWAYS: readonly EntityScenario[] = [
  {
    name: 'entity-gateway-killed-in-flight',
    about: `kill -9 of a gateway with ${IN_FLIGHT} commands in flight, all of them stored and none answered`,
    deployment: { fsync: 'everysec' },
    answersInMs: RECONNECT_MS,
    async disturb(stage) {
      const { deployment, load, beside } = stage
      const [victim] = deployment.gateways
      for (const worker of deployment.workers) worker.signal('SIGSTOP')
      const before = await endsOf(stage, COMMANDS_TOPIC)
      load.burst(IN_FLIGHT, IN_FLIGHT_EACH, 0)
      const deadline = performance.now() + IN_FLIGHT_DEADLINE_MS
      while ((await storedSince(stage, before)) < IN_FLIGHT && performance.now() < deadline) await sleep(POLL_MS)
      const inFlight = Math.min(await storedSince(stage, before), load.unsettled.length)
      await replace(victim!, beside)
      for (const worker of deployment.workers) worker.signal('SIGCONT')
      return hits(inFlight < IN_FLIGHT ? 0 : inFlight, `only ${inFlight} commands were in flight`)
    },
  },
  {
    name: 'entity-gateway-killed-before-answer',
    about: 'kill -9 of a gateway that has not read the answers that are stored for it',
    deployment: { fsync: 'everysec' },
    answersInMs: RECONNECT_MS,
    async disturb(stage) {
      const { deployment, redis, beside } = stage
      await untilHeld(stage, () => holdCommit(redis))
      const [victim] = deployment.gateways
      victim!.signal('SIGSTOP')
      const before = await endsOf(stage, ANSWERS_TOPIC)
      await letThrough(redis)
      await sleep(STORED_MS)
      const answered = await countGrown(stage, ANSWERS_TOPIC, before)
      await replace(victim!, beside)
      return hits(answered, 'no answer was stored while the gateway slept')
    },
  },
]

/** Commands stored behind some ends of the log. */
async function storedSince({ redis }: EntityStage, ends: readonly string[]): Promise<number> {
  const entries = await Promise.all(ends.map((end, p) => logOf(redis, p).range(COMMANDS_TOPIC, `(${end}`, '+', 10_000)))
  return entries.flat().reduce((sum, entry) => sum + new BatchReader(entry).header.times.length, 0)
}

const killedRedis = (fsync: Exclude<Fsync, 'none'>): EntityScenario => ({
  name: `entity-redis-kill9-${fsync}`,
  about: `kill -9 of Redis with appendfsync ${fsync} under commands, ${REDIS_AWAY_MS / 1_000} s later another on the same file`,
  deployment: { fsync },
  ...(fsync === 'everysec' && { mayLose: true }),
  answersInMs: RECOVERY_MS,
  async disturb({ deployment: { redis }, load }) {
    await redis.end('SIGKILL')
    await sleep(REDIS_AWAY_MS)
    const waiting = load.unsettled.length
    await redis.start()
    return hits(waiting, 'no command was waiting')
  },
})

const REDIS: readonly EntityScenario[] = [
  killedRedis('always'),
  killedRedis('everysec'),
  {
    name: 'entity-redis-power-loss',
    about:
      'kill -9 of Redis under commands, and what it had not yet flushed is missing from its file when it starts again',
    deployment: { fsync: 'everysec' },
    mayLose: true,
    answersInMs: RECOVERY_MS,
    async disturb({ deployment: { redis }, load }) {
      await redis.end('SIGKILL')
      const waiting = load.unsettled.length
      await redis.cutLog(UNWRITTEN_BYTES)
      await redis.start()
      return hits(waiting, 'no command was waiting')
    },
  },
]

const SENTINEL: readonly EntityScenario[] = [
  {
    name: 'entity-sentinel-failover',
    about: 'kill -9 of the master under commands, whose answers a replica has confirmed; a replica is promoted',
    deployment: {
      fsync: 'everysec',
      sentinels: { replicas: 2, downAfterMs: 1_000 },
      env: { TIDEGATE_ACK_REPLICAS: '1' },
    },
    answersInMs: RECOVERY_MS,
    async disturb({ deployment: { sentinels }, load }) {
      const master = await sentinels.master()
      process.kill(master.pid, 'SIGKILL')
      await sentinels.failedOver(master)
      return hits(load.unsettled.length, 'no command was waiting')
    },
  },
]

const RESTORED: EntityScenario = {
  name: 'entity-backup-restored',
  about: `everything is killed under commands, and restored from what \`tidegate backup\` wrote ${BACKUP_AGE_MS / 1_000} s before`,
  deployment: { fsync: 'everysec', isOwn: true },
  mayLose: true,
  answersInMs: RESTART_MS,
  async disturb({ deployment: { members, redis }, load }) {
    const restore = await redis.backUpByCommand()
    await sleep(BACKUP_AGE_MS)
    await Promise.all([redis.end('SIGKILL'), ...members.map((member) => member.kill())])
    const waiting = load.unsettled.length
    await restore()
    await redis.start()
    await Promise.all(members.map((member) => member.start()))
    return hits(waiting, 'no command was waiting')
  },
}

export const ENTITY_SCENARIOS: readonly EntityScenario[] = [...WORKERS, ...GATEWAYS, ...REDIS, ...SENTINEL, RESTORED]
