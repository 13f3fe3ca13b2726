import { type AwayNode, type DeploymentFacts, HOLDS_WRITES, type RedisFacts, unfitness } from '../bus/index.ts'
import { named } from './deployment-findings.ts'
import type { Finding } from './finding.ts'
import { nodeFindings } from './node-findings.ts'
import { sentinelFindings } from './sentinel-findings.ts'

/** Used share of `maxmemory` from which on it is close. */
const FULL_SHARE = 0.8
/** Share of `maxclients` from which on new processes may be refused. */
const CLIENTS_SHARE = 0.8
const SLOW_MS = 5
/** Processes judge the age of what others wrote by Redis' clock; people compare logs. */
const CLOCK_MS = 500
const MIB = 1_024 * 1_024

/** What is wrong with a Redis as a keeper of events. Pure. @param ackReplicas TIDEGATE_ACK_REPLICAS */
export function redisFindings(facts: DeploymentFacts, ackReplicas: number): Finding[] {
  const { others, sentinels, away } = facts
  const each = [facts, ...others].flatMap((redis) =>
    ofOne(redis, sentinels !== undefined, ackReplicas).map((finding) => ({ node: redis.node, finding })),
  )
  return [...away.map(awayFinding), ...ofNodesTogether(each), ...sentinelFindings(sentinels)]
}

/** What is so of several nodes is said once. */
function ofNodesTogether(each: readonly { readonly node: string; readonly finding: Finding }[]): Finding[] {
  const groups = new Map<string, { readonly nodes: string[]; readonly finding: Finding }>()
  for (const { node, finding } of each) {
    const known = groups.get(`${finding.code} ${finding.what}`)
    if (known !== undefined) known.nodes.push(node)
    else groups.set(`${finding.code} ${finding.what}`, { nodes: [node], finding })
  }
  return [...groups.values()].map(({ nodes, finding }) => {
    if (nodes[0] === '') return finding
    const who = nodes.length === 1 ? `Node ${nodes[0]}` : `Each of ${nodes.join(', ')}`
    return { ...finding, what: `${who}: ${finding.what}` }
  })
}

/** Whether a Redis that runs stores anything. */
export const takesWrites = ({ writeRefusal }: Pick<RedisFacts, 'writeRefusal'>): boolean => writeRefusal === undefined

const onlineReplicas = (info: RedisFacts['info']): number =>
  [...info].filter(([field, value]) => /^slave\d+$/.test(field) && value.includes('state=online')).length

function awayFinding({ node, why, partitions, hasWorkers, hasGateways }: AwayNode): Finding {
  const lists = [...(hasWorkers ? ['workers'] : []), ...(hasGateways ? ['gateways'] : [])]
  const unknown = lists.length === 0 ? '' : ` Nothing is known of ${lists.join(' and ')}, whose reports lie there.`
  const stopped = partitions.length === 0 ? 'no partition of ours' : named(partitions)
  return {
    code: 'node-away',
    severity: 'error',
    what: `Node ${node} does not answer, which has ${stopped}.${unknown} ${why}`,
    todo: 'See its log, and `redis-cli --cluster check`; a replica takes over if there is one (docs/cluster.md).',
  }
}

function ofOne(redis: RedisFacts, hasSentinels: boolean, ackReplicas: number): Finding[] {
  const isNode = redis.node !== ''
  return [
    ...fitness(redis),
    ...rights(redis),
    ...persistence(redis),
    ...memory(redis),
    ...writes(redis),
    ...replication(redis, isNode || hasSentinels, ackReplicas),
    ...(isNode ? nodeFindings(redis) : []),
    ...connections(redis),
    ...time(redis),
  ]
}

function* fitness({ node, info }: RedisFacts): Iterable<Finding> {
  const reason = unfitness(info, node !== '')
  if (reason === undefined) return
  const [, what = reason, todo = ''] = /^(.*?\.) (\S.*)$/s.exec(reason) ?? []
  yield { code: 'redis-unfit', severity: 'error', what: `This Redis cannot be used: ${what}`, todo }
}

function* rights({ lackingRights, info }: RedisFacts): Iterable<Finding> {
  const { gateway, worker } = lackingRights
  if (gateway !== undefined && worker !== undefined) {
    yield { code: 'redis-rights', severity: 'error', what: gateway, todo: 'docs/redis.md has all that Tidegate calls.' }
  } else if (gateway !== undefined || worker !== undefined) {
    yield {
      code: 'redis-user-of-one-role',
      severity: 'note',
      what: `This user has the rights of a ${gateway === undefined ? 'gateway' : 'worker'} alone.`,
      todo: 'Nothing, if processes of the other kind have a user of their own.',
    }
  }
  if (info.size === 0) {
    yield {
      code: 'redis-silent',
      severity: 'warning',
      what: 'This user may not run INFO, so most of this could not be looked at.',
      todo: 'Run the doctor as a user that may run INFO and CONFIG GET.',
    }
  }
}

function* persistence({ info, parameters }: RedisFacts): Iterable<Finding> {
  const isAof = info.get('aof_enabled')
  if (isAof === '0') {
    const hasSnapshots = (parameters.get('save') ?? '') !== ''
    yield {
      code: hasSnapshots ? 'redis-snapshots-only' : 'redis-not-persistent',
      severity: 'error',
      what: hasSnapshots
        ? 'It writes snapshots only: a crash loses what was acknowledged since the last one.'
        : 'It writes nothing to disk: a restart loses everything that was acknowledged.',
      todo: 'CONFIG SET appendonly yes, and in its configuration.',
    }
  }
  if (isAof === '1' && parameters.get('appendfsync') === 'no') {
    yield {
      code: 'redis-never-flushes',
      severity: 'error',
      what: 'appendfsync is no: a power cut loses about half a minute of what was acknowledged.',
      todo: 'CONFIG SET appendfsync everysec (a power cut loses a second, which clients send again) or always.',
    }
  }
  if (isAof === '1' && parameters.get('aof-load-truncated') === 'yes') {
    yield {
      code: 'redis-loads-torn-file',
      severity: 'warning',
      what: 'aof-load-truncated is yes: killed while it writes, it may repeat half of a commit at the start after.',
      todo: 'CONFIG SET aof-load-truncated no, or run BGREWRITEAOF after such a start (docs/guarantees.md).',
    }
  }
  for (const field of ['aof_last_write_status', 'aof_last_bgrewrite_status', 'rdb_last_bgsave_status']) {
    const status = info.get(field)
    if (status === undefined || status === 'ok') continue
    const isForked = field !== 'aof_last_write_status'
    yield {
      code: 'redis-write-failed',
      severity: 'error',
      what: isForked
        ? `${field} is ${status}: its disk or the memory of its machine did not suffice to write its file anew.`
        : `${field} is ${status}: it could not write to its disk.`,
      todo: isForked
        ? 'See its log. If it could not fork: sysctl vm.overcommit_memory=1, or more memory. Otherwise make room on its disk.'
        : 'See its log; make room on its disk, and look at its permissions.',
    }
  }
  if (info.get('aof_rewrite_in_progress') === '1' || info.get('rdb_bgsave_in_progress') === '1') {
    yield {
      code: 'redis-rewrites',
      severity: 'note',
      what: 'It is writing its file anew: calls are slower meanwhile, and its memory may double.',
      todo: 'Wait until that is over before you measure anything.',
    }
  }
}

function* memory({ info }: RedisFacts): Iterable<Finding> {
  const used = Number(info.get('used_memory') ?? 0)
  const limit = Number(info.get('maxmemory') ?? 0)
  const total = Number(info.get('total_system_memory') ?? 0)
  if (info.has('maxmemory') && limit === 0) {
    yield {
      code: 'redis-unlimited',
      severity: 'warning',
      what: 'It has no maxmemory: it grows until its machine has no memory left, and is killed.',
      todo: 'CONFIG SET maxmemory to about half of its memory (writing its file anew may need as much again).',
    }
  }
  if (limit > 0 && used / limit >= FULL_SHARE) {
    yield {
      code: 'redis-full',
      severity: used / limit >= 0.95 ? 'error' : 'warning',
      what: `It uses ${mebibytes(used)} of ${mebibytes(limit)} (${percent(used / limit)}): publishes are refused as storage_full from TIDEGATE_STORAGE_PERCENT on.`,
      todo: 'Raise maxmemory, or shorten the retention of topics.',
    }
  }
  if (total > 0 && limit > total) {
    yield {
      code: 'redis-limit-beyond-memory',
      severity: 'error',
      what: `Its maxmemory of ${mebibytes(limit)} is more than its machine has (${mebibytes(total)}).`,
      todo: 'CONFIG SET maxmemory to about half of the memory.',
    }
  }
}

function* writes({ writeRefusal, info, parameters }: RedisFacts): Iterable<Finding> {
  if (writeRefusal === undefined) return
  if (writeRefusal === HOLDS_WRITES) {
    yield {
      code: 'redis-holds-writes',
      severity: 'error',
      what: 'It answers what reads, and holds back what writes: it is paused (CLIENT PAUSE), or handing over to a replica.',
      todo: 'Wait some seconds. If that stays, see who paused it, and CLIENT UNPAUSE.',
    }
  } else if (writeRefusal.startsWith('NOREPLICAS')) {
    const good = Number(info.get('min_slaves_good_slaves') ?? 0)
    const required = `min-replicas-to-write is ${parameters.get('min-replicas-to-write') ?? 'set'}`
    yield {
      code: 'redis-refuses-writes',
      severity: 'error',
      what: `${required}, and ${count(good, 'replica')} follow closely enough: it refuses every write.`,
      todo: 'Start replicas (REPLICAOF), see why they lag (INFO replication), or lower min-replicas-to-write.',
    }
  } else if (!/^(MISCONF|READONLY)/.test(writeRefusal)) {
    yield {
      code: 'redis-refuses-writes',
      severity: 'error',
      what: `It refuses every write: ${writeRefusal}`,
      todo: 'See its log.',
    }
  }
}

function* replication({ info }: RedisFacts, isPromoted: boolean, ackReplicas: number): Iterable<Finding> {
  const replicas = onlineReplicas(info)
  if (ackReplicas > replicas) {
    yield {
      code: 'redis-too-few-replicas',
      severity: 'error',
      what: `TIDEGATE_ACK_REPLICAS is ${ackReplicas}, and ${count(replicas, 'replica')} follow: nothing can be acknowledged.`,
      todo: 'Start replicas (REPLICAOF), or lower TIDEGATE_ACK_REPLICAS.',
    }
  }
  if (replicas > 0 && ackReplicas === 0) {
    yield {
      code: 'redis-unconfirmed-replicas',
      // Without Sentinels or a cluster nobody promotes a replica unasked.
      severity: isPromoted ? 'warning' : 'note',
      what: 'It has replicas, and acknowledgements do not wait for them: a failover loses what they did not have yet.',
      todo: 'Set TIDEGATE_ACK_REPLICAS=1 if a failover must lose nothing (docs/sentinel.md, docs/cluster.md).',
    }
  }
}

function* connections({ info, parameters }: RedisFacts): Iterable<Finding> {
  const timeout = Number(parameters.get('timeout') ?? 0)
  if (timeout > 0) {
    yield {
      code: 'redis-closes-idle',
      severity: 'warning',
      what: `timeout is ${timeout}: it closes connections that are quiet for so many seconds.`,
      todo: 'CONFIG SET timeout 0, and in its configuration.',
    }
  }
  const clients = Number(info.get('connected_clients') ?? 0)
  const limit = Number(info.get('maxclients') ?? 0)
  if (limit > 0 && clients / limit >= CLIENTS_SHARE) {
    yield {
      code: 'redis-many-clients',
      severity: 'error',
      what: `${clients} of ${limit} connections are in use: further processes are refused.`,
      todo: 'CONFIG SET maxclients, and look for whoever holds them (CLIENT LIST).',
    }
  }
  const [, hard, soft] = /(?:^| )normal (\d+) (\d+)/.exec(parameters.get('client-output-buffer-limit') ?? '') ?? []
  if (Number(hard ?? 0) > 0 || Number(soft ?? 0) > 0) {
    yield {
      code: 'redis-cuts-answers',
      severity: 'warning',
      what: 'client-output-buffer-limit bounds normal clients: reads of large logs may be cut off.',
      todo: 'CONFIG SET client-output-buffer-limit "normal 0 0 0".',
    }
  }
}

function* time({ roundTripMs, clockAheadMs }: RedisFacts): Iterable<Finding> {
  if (roundTripMs > SLOW_MS) {
    yield {
      code: 'redis-far',
      severity: 'warning',
      what: `A call takes ${roundTripMs.toFixed(1)} ms from here: every append and commit waits for that.`,
      todo: 'Run gateways and workers in the network of their Redis; look for slow commands (SLOWLOG GET).',
    }
  }
  if (Math.abs(clockAheadMs) > CLOCK_MS) {
    const direction = clockAheadMs > 0 ? 'ahead of' : 'behind'
    yield {
      code: 'clocks-differ',
      severity: 'warning',
      what: `Its clock is ${Math.round(Math.abs(clockAheadMs))} ms ${direction} that of this machine: events from here look early or late.`,
      todo: 'Set both by NTP (chronyc tracking, timedatectl).',
    }
  }
}

const mebibytes = (bytes: number) => `${Math.round(bytes / MIB)} MiB`
const percent = (share: number) => `${Math.round(share * 100)} %`
const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
