import type { Backlog, GuardState } from '../../bus/index.ts'
import { printable } from '../terminal/printable.ts'
import { table } from '../terminal/table.ts'
import { ageText, bytesText, countText, rangesText } from '../terminal/units.ts'
import type { DeploymentStatus, RedisStatus } from './status.ts'

/** Partitions that are shown one by one; of more only those furthest behind. */
const MOST_PARTITIONS = 16
const MOST_SLOW = 5

/** A deployment on one screen. @param width characters of a line */
export function statusScreen(status: DeploymentStatus, width: number): string[] {
  const blocks = [
    head(status, width),
    masters(status, width),
    gateways(status, width),
    workers(status, width),
    partitions(status, width),
  ]
  return [...blocks, slow(status, width), findings(status, width)]
    .filter((block) => block.length > 0)
    .flatMap((block, i) => (i === 0 ? block : ['', ...block]))
}

function head(status: DeploymentStatus, width: number): string[] {
  const { at, contract, redis, gateways, workers, partitions, away, ok, findings } = status
  const hidden = away.reduce((sum, { partitions: missing }) => sum + missing.length, 0)
  const counted = [
    gateways.length === 0 && areGatewaysUnknown(status) ? 'gateways unknown' : `${gateways.length} gateways`,
    workers.length === 0 && areWorkersUnknown(status) ? 'workers unknown' : `${workers.length} workers`,
    hidden > 0 ? `${partitions.length} of ${partitions.length + hidden} partitions` : `${partitions.length} partitions`,
    `contract ${contract ?? (away.length > 0 ? 'unknown' : 'none')}`,
  ]
  const warnings = findings.length === 0 ? '' : `, ${findings.length} to look at`
  return [
    `${new Date(at).toISOString().slice(0, 19)}Z  ${ok ? 'everything works' : 'SOMETHING DOES NOT WORK'}${warnings}`,
    counted.join(', '),
    ...wrapped(redisLine(redis), width, ''),
  ]
}

function redisLine({
  version,
  nodes,
  uptimeSeconds,
  usedBytes,
  maxBytes,
  isAppendOnly,
  clients,
  commandsPerSecond,
}: RedisStatus): string {
  if (version === null || usedBytes === null) return 'Redis: it may not be asked how it is (no right to INFO)'
  return [
    `Redis ${printable(version)}${nodes > 1 ? `, ${nodes} masters` : ''}: memory ${memoryText(usedBytes, maxBytes)}`,
    `AOF ${isAppendOnly ? 'on' : 'OFF'}`,
    `${clients} clients`,
    `${countText(commandsPerSecond ?? 0)} calls/s`,
    `up ${ageText((uptimeSeconds ?? 0) * 1_000)}`,
  ].join(', ')
}

function memoryText(usedBytes: number, maxBytes: number | null): string {
  if (maxBytes === null) return `${bytesText(usedBytes)}, no limit`
  return `${bytesText(usedBytes)} of ${bytesText(maxBytes)} (${Math.round((usedBytes / maxBytes) * 100)} %)`
}

/** Each master of a cluster. */
function masters({ redis }: DeploymentStatus, width: number): string[] {
  if (redis.nodes === 1) return []
  const orUnknown = <T>(value: T | null, text: (value: T) => string) => (value === null ? '?' : text(value))
  const rows = redis.masters.map(
    ({ node, isAway, partitions, usedBytes, maxBytes, isAppendOnly, clients, ...rest }) => [
      node,
      rangesText(partitions),
      isAway ? 'DOES NOT ANSWER' : orUnknown(usedBytes, (used) => memoryText(used, maxBytes)),
      orUnknown(isAppendOnly, (on) => (on ? 'on' : 'OFF')),
      orUnknown(clients, countText),
      orUnknown(rest.commandsPerSecond, countText),
      orUnknown(rest.uptimeSeconds, (seconds) => ageText(seconds * 1_000)),
    ],
  )
  return table(
    [
      { title: 'REDIS', isFlexible: true },
      { title: 'PARTITIONS', isFlexible: true },
      { title: 'MEMORY' },
      { title: 'AOF' },
      { title: 'CLIENTS', align: 'right' },
      { title: 'CALLS/S', align: 'right' },
      { title: 'UP', align: 'right' },
    ],
    rows,
    width,
  )
}

/** They may run, and cannot say so. */
const areGatewaysUnknown = ({ away, redis }: DeploymentStatus) =>
  !redis.takesWrites || away.some(({ hasGateways }) => hasGateways)
const areWorkersUnknown = ({ away, redis }: DeploymentStatus) =>
  !redis.takesWrites || away.some(({ hasWorkers }) => hasWorkers)

function gateways(status: DeploymentStatus, width: number): string[] {
  const { gateways } = status
  if (gateways.length === 0) return [areGatewaysUnknown(status) ? 'Gateways: unknown.' : 'No gateway.']
  const rows = gateways.map((gateway) => [
    gateway.gateway,
    gateway.url.replace('http://', ''),
    gateway.draining ? 'draining' : gateway.ready ? 'yes' : 'NO',
    countText(gateway.sessions),
    countText(gateway.subscriptions),
    bytesText(gateway.queueBytes),
    countText(gateway.congestedSessions),
    breakersText(gateway.breakers),
  ])
  return table(
    [
      { title: 'GATEWAY', isFlexible: true },
      { title: 'ADDRESS', isFlexible: true },
      { title: 'READY' },
      { title: 'CLIENTS', align: 'right' },
      { title: 'SUBS', align: 'right' },
      { title: 'QUEUED', align: 'right' },
      { title: 'SLOW', align: 'right' },
      { title: 'BREAKERS', isFlexible: true },
    ],
    rows,
    width,
  )
}

function workers(status: DeploymentStatus, width: number): string[] {
  const { workers } = status
  if (workers.length === 0) return [areWorkersUnknown(status) ? 'Workers: unknown.' : 'No worker.']
  const rows = workers.map(({ worker, partitions, folded, slowestCommitMs, breakers }) => [
    worker,
    rangesText(partitions),
    countText(folded.events),
    countText(folded.late),
    countText(folded.deadLetters),
    `${Math.round(slowestCommitMs)} ms`,
    breakersText(breakers),
  ])
  return table(
    [
      { title: 'WORKER', isFlexible: true },
      { title: 'PARTITIONS', isFlexible: true },
      { title: 'EVENTS', align: 'right' },
      { title: 'LATE', align: 'right' },
      { title: 'DEAD', align: 'right' },
      { title: 'COMMIT', align: 'right' },
      { title: 'BREAKERS', isFlexible: true },
    ],
    rows,
    width,
  )
}

function partitions({ partitions }: DeploymentStatus, width: number): string[] {
  const behind = [...partitions].sort((a, b) => Number(a.isOwned) - Number(b.isOwned) || b.lag.ageMs - a.lag.ageMs)
  const shown = partitions.length <= MOST_PARTITIONS ? partitions : behind.slice(0, MOST_PARTITIONS)
  const rows = shown.map(({ partition, owner, isOwned, lag, openStates, stateBytes }) => [
    `${partition}`,
    isOwned ? (owner ?? 'taken just now') : 'NOBODY',
    entriesText(lag),
    ageText(lag.ageMs),
    countText(openStates),
    bytesText(stateBytes),
  ])
  const left = partitions.length - shown.length
  return [
    ...table(
      [
        { title: 'PARTITION', align: 'right' },
        { title: 'OWNER', isFlexible: true },
        { title: 'BEHIND', align: 'right' },
        { title: 'FOR', align: 'right' },
        { title: 'WINDOWS', align: 'right' },
        { title: 'STATE', align: 'right' },
      ],
      rows,
      width,
    ),
    ...(left > 0 ? [`... and ${left} partitions that are less behind: tidegate lag`] : []),
  ]
}

function slow({ gateways }: DeploymentStatus, width: number): string[] {
  const slowest = gateways
    .flatMap(({ gateway, slow }) => slow.map((one) => ({ gateway, ...one })))
    .sort((a, b) => b.queuedBytes - a.queuedBytes)
    .slice(0, MOST_SLOW)
  if (slowest.length === 0) return []
  const rows = slowest.map(({ gateway, session, topics, queuedEvents, queuedBytes, congestedMs, reason }) => [
    session,
    gateway,
    topics.join(' '),
    countText(queuedEvents),
    bytesText(queuedBytes),
    ageText(congestedMs),
    reason ?? '-',
  ])
  return table(
    [
      { title: 'SLOW CLIENT', isFlexible: true },
      { title: 'GATEWAY', isFlexible: true },
      { title: 'TOPICS', isFlexible: true },
      { title: 'EVENTS', align: 'right' },
      { title: 'QUEUED', align: 'right' },
      { title: 'FOR', align: 'right' },
      { title: 'WAITS FOR' },
    ],
    rows,
    width,
  )
}

function findings({ findings }: DeploymentStatus, width: number): string[] {
  const lines = findings.flatMap(({ severity, code, what, todo }) => [
    ...wrapped(`${severity} ${code}: ${what}`, width, ''),
    ...(todo === '' ? [] : wrapped(`-> ${todo}`, width, '  ')),
  ])
  return lines
}

/** Words on lines of a width; those after the first are indented further. */
function wrapped(text: string, width: number, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of printable(text).split(' ')) {
    if (line.trim() !== '' && line.length + word.length + 1 > width) {
      lines.push(line.trimEnd())
      line = `${indent}  `
    }
    line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

function breakersText(breakers: readonly GuardState[]): string {
  const open = breakers.filter(({ state }) => state !== 'closed')
  const texts = open.map(({ class: busClass, state, node = '' }) => [busClass, state, node].join(' ').trimEnd())
  return open.length === 0 ? 'closed' : texts.join(', ')
}

/** `0`, `12`, `~3,400`. */
export function entriesText({ entries, isCounted }: Backlog): string {
  return `${isCounted ? '' : '~'}${countText(entries)}`
}
