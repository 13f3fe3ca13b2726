import type { DeploymentFacts, GuardState } from '../bus/index.ts'
import type { Finding } from './finding.ts'

/** A partition whose oldest unread entry is so old is behind. */
const LAG_MS = 10_000
/** A report may be that long on its way to a Redis that is slow. */
const CLOCK_MS = 2_000

/** The deployment as a project describes it. */
export interface Expected {
  readonly partitions: number
  /** Hash of the config that was found; `undefined` where none was. */
  readonly contractHash: string | undefined
}

/** The facts that this looks at. */
type ProcessFacts = Pick<
  DeploymentFacts,
  'away' | 'partitions' | 'growth' | 'owners' | 'workers' | 'gateways' | 'contractHash' | 'lackingRights'
> & {
  /** Whether processes that run could say so. */
  readonly takesWrites: boolean
}

/** What is wrong with the processes on a Redis. Pure. */
export function deploymentFindings(facts: ProcessFacts, expected: Expected): Finding[] {
  // It could not be looked at.
  if (Object.keys(facts.lackingRights).length > 1) return []
  return [
    ...topology(facts, expected),
    ...processes(facts, expected),
    ...gateways(facts),
    ...clocks(facts),
    ...partitions(facts),
  ]
}

function* topology({ partitions: stored }: ProcessFacts, { partitions }: Expected): Iterable<Finding> {
  if (stored !== undefined && stored !== partitions) {
    yield {
      code: 'partitions-differ',
      severity: 'error',
      what: `Its data has ${stored} partitions, TIDEGATE_PARTITIONS says ${partitions}: nothing starts with that.`,
      todo: `Set TIDEGATE_PARTITIONS=${stored}. To give stored data more: tidegate partitions grow.`,
    }
  }
}

function* processes(
  { away, partitions, growth, workers, gateways, contractHash, takesWrites }: ProcessFacts,
  expected: Expected,
): Iterable<Finding> {
  if (growth !== undefined) {
    const { from, to } = growth
    yield {
      code: 'growth-unfinished',
      severity: 'error',
      what: `Its ${from} partitions are being divided into ${to}: no gateway or worker starts until that has come to its end.`,
      todo: `If nobody is at it, run \`tidegate partitions grow ${to}\` (docs/operations.md).`,
    }
    return
  }
  if (partitions === undefined && workers.size + gateways.size > 0) {
    yield {
      code: 'data-gone',
      severity: 'error',
      what: 'Processes run on it, and what they stored is gone: it was emptied, or came back without its data.',
      todo: 'Stop gateways and workers, as they continue on an empty Redis too, and restore a backup (docs/runbook/restore.md).',
    }
    return
  }
  if (partitions === undefined) {
    yield {
      code: 'nothing-started',
      severity: 'note',
      what: 'Nothing was ever started on it.',
      todo: 'Start a gateway and a worker.',
    }
    return
  }
  if (workers.size === 0 && !away.some(({ hasWorkers }) => hasWorkers)) {
    yield {
      code: 'no-worker',
      severity: 'error',
      what: takesWrites
        ? 'No worker runs: events are stored, and no window, flow or entity continues.'
        : 'Redis takes no writes, so no worker can say that it runs.',
      todo: takesWrites
        ? 'Start one: REDIS_URL=... tidegate worker. After a failover look again in a few seconds first.'
        : 'Mend Redis first: running workers continue by themselves.',
    }
  }
  if (contractHash !== undefined && expected.contractHash !== undefined && contractHash !== expected.contractHash) {
    yield {
      code: 'contract-differs',
      severity: 'error',
      what: `The processes run contract ${contractHash}, the config here is ${expected.contractHash}.`,
      todo: 'tidegate config diff says whether it can take their place while they run, and in which order to deploy it.',
    }
  }
  for (const [id, { breakers }] of workers) yield* openBreakers(`Worker ${id}`, breakers)
}

function* gateways({ away, partitions, gateways, workers }: ProcessFacts): Iterable<Finding> {
  const isKnown = !away.some(({ hasGateways }) => hasGateways)
  if (isKnown && gateways.size === 0 && partitions !== undefined && workers.size > 0) {
    yield {
      code: 'no-gateway',
      severity: 'warning',
      what: 'No gateway runs: nobody can publish or subscribe.',
      todo: 'Start one: REDIS_URL=... tidegate gateway.',
    }
  }
  for (const [id, { ready, draining, red, breakers }] of gateways) {
    if (!ready && !draining) {
      yield {
        code: 'gateway-not-ready',
        severity: 'error',
        what: `Gateway ${id} is not ready: ${(red[0] ?? 'it does not say why').replace(/\.$/, '')}.`,
        todo: 'A load balancer sends nobody there until /readyz is green; see the log of the gateway.',
      }
    }
    yield* openBreakers(`Gateway ${id}`, breakers)
  }
}

function* clocks({ gateways, workers }: ProcessFacts): Iterable<Finding> {
  const reports = [
    ...[...gateways].map(([id, report]) => ({ who: `Gateway ${id}`, ...report })),
    ...[...workers].map(([id, report]) => ({ who: `Worker ${id}`, ...report })),
  ]
  for (const { who, clockAheadMs = 0 } of reports) {
    if (Math.abs(clockAheadMs) <= CLOCK_MS) continue
    yield {
      code: 'process-clock-differs',
      severity: 'warning',
      what: `The clock of ${who} is ${Math.round(Math.abs(clockAheadMs) / 1_000)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of Redis.`,
      todo: 'Set it by NTP (chronyc tracking, timedatectl): events without a time of their own get it, and windows wait for them or call them late.',
    }
  }
}

function* openBreakers(who: string, breakers: readonly GuardState[]): Iterable<Finding> {
  for (const { class: kind, state } of breakers) {
    if (state === 'closed') continue
    yield {
      code: 'breaker-open',
      severity: 'warning',
      what: `${who} holds back its ${kind} calls to Redis (${state}).`,
      todo: 'Redis did not answer it in time: see its log, and SLOWLOG GET.',
    }
  }
}

function* partitions({ owners, workers }: ProcessFacts): Iterable<Finding> {
  const abandoned = owners.filter(({ owned }) => !owned).map(({ partition }) => partition)
  if (abandoned.length > 0 && workers.size > 0) {
    yield {
      code: 'partitions-without-owner',
      severity: 'error',
      what: `Nobody owns ${named(abandoned)}: nothing is computed there.`,
      todo: 'Look again in a few seconds; if that stays, see the logs of the workers.',
    }
  }
  const behind = [...workers.values()].flatMap((worker) =>
    Object.entries(worker.partitions).flatMap(([partition, { lagMs }]) =>
      lagMs > LAG_MS ? [{ partition: Number(partition), lagMs }] : [],
    ),
  )
  if (behind.length > 0) {
    const worst = Math.max(...behind.map(({ lagMs }) => lagMs))
    yield {
      code: 'partitions-behind',
      severity: 'warning',
      what: `${named(behind.map(({ partition }) => partition))}: up to ${Math.round(worst / 1_000)} s behind.`,
      todo: 'Start more workers (at most one for each partition shares the load), or look for a hot key.',
    }
  }
}

/** Partitions in words. */
export function named(partitions: readonly number[]): string {
  const sorted = [...partitions].sort((a, b) => a - b)
  return `partition${sorted.length === 1 ? '' : 's'} ${sorted.join(', ')}`
}
