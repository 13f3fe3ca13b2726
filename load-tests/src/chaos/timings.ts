import { percentile } from '../support/percentile.ts'
import { ALL_PARTITIONS } from './deployment.ts'
import type { Member } from './member.ts'
import type { Probe, Probes } from './probes.ts'
import type { Pulses } from './pulses.ts'
import { LIMITS, type Result } from './result.ts'
import type { Scenario } from './scenario.ts'

export type Timings = Pick<
  Result,
  | 'causeMs'
  | 'firstFailureMs'
  | 'openFailureMs'
  | 'readyRedMs'
  | 'recoveredMs'
  | 'readyGreenMs'
  | 'quietMs'
  | 'sparedMs'
  | 'hitMs'
  | 'grownMb'
>

export interface Observed {
  readonly probes: Probes
  readonly gateways: readonly Member[]
  /** When clients learned of an open or closed breaker of `append`. */
  readonly bus: readonly { readonly at: number; readonly isOpen: boolean }[]
  readonly beganAt: number
  readonly endedAt: number
  readonly flowedAt: number | undefined
  /** Where another Redis can take over. */
  readonly pulses: Pulses | undefined
  /** Partitions that were stopped; `undefined` where that is not known. */
  readonly hit: readonly number[] | undefined
  readonly servedAt: number
}

const OK = 200
const MB = 1_048_576

/** Observations of probes, clients and processes during a disturbance. */
export function timingsOf(observed: Observed): Timings {
  const { probes, gateways, bus, beganAt, endedAt, flowedAt } = observed
  const failed = probes.publishes.filter(({ status, endedAt: at }) => status !== OK && at >= beganAt)
  const openedAt = bus.find(({ isOpen, at }) => isOpen && at >= beganAt)?.at
  const firstFailureAt = Math.min(...failed.map(({ endedAt: at }) => at), openedAt ?? Number.POSITIVE_INFINITY)
  const whileOpen =
    openedAt === undefined ? [] : failed.filter(({ startedAt }) => startedAt >= openedAt && startedAt <= endedAt)
  const redAt = gateways.map(({ name }) => firstRed(probes.readiness, name, beganAt))
  const greenAt = gateways.map(({ name }) => firstGreenForGood(probes.readiness, name, beganAt))
  const since = (from: number, at: number | undefined) =>
    at === undefined || !Number.isFinite(at) ? null : Math.max(0, Math.round(at - from))
  return {
    causeMs: Math.round(endedAt - beganAt),
    firstFailureMs: since(beganAt, firstFailureAt),
    openFailureMs: whileOpen.length === 0 ? null : median(whileOpen),
    readyRedMs: since(beganAt, Math.max(...redAt)),
    recoveredMs: since(endedAt, flowedAt),
    readyGreenMs: since(endedAt, Math.max(...greenAt)),
    quietMs: longestPause(probes.publishes, beganAt),
    ...byPartition(observed),
    grownMb: Math.max(0, ...[...probes.memory.values()].map(({ first, peak }) => Math.round((peak - first) / MB))),
  }
}

function byPartition({ pulses, hit, beganAt, servedAt, endedAt }: Observed): Pick<Timings, 'sparedMs' | 'hitMs'> {
  if (pulses === undefined || hit === undefined) return { sparedMs: null, hitMs: null }
  const spared = ALL_PARTITIONS.filter((one) => !hit.includes(one))
  const flow = hit.map((partition) => pulses.flowsAt(partition, servedAt) ?? Number.POSITIVE_INFINITY)
  return {
    sparedMs:
      spared.length === 0 ? null : Math.round(Math.max(...spared.map((one) => pulses.longest(one, beganAt, endedAt)))),
    hitMs: hit.length === 0 ? null : Math.round(Math.max(...flow) - servedAt),
  }
}

const median = (probes: readonly Probe[]) =>
  Math.round(
    percentile(
      probes.map(({ startedAt, endedAt }) => endedAt - startedAt),
      0.5,
    ) * 10,
  ) / 10

/** Between two publishes that were accepted, by whatever gateway. */
function longestPause(publishes: readonly Probe[], from: number): number {
  const times = publishes
    .filter(({ status, endedAt }) => status === OK && endedAt >= from)
    .map(({ endedAt }) => endedAt)
  let longest = 0
  let before = from
  for (const at of times.sort((a, b) => a - b)) {
    longest = Math.max(longest, at - before)
    before = at
  }
  return Math.round(longest)
}

function firstRed(readiness: readonly Probe[], name: string, from: number): number {
  const red = readiness.filter(({ gateway, status, endedAt }) => gateway === name && status !== OK && endedAt >= from)
  return Math.min(...red.map(({ endedAt }) => endedAt))
}

/** When the first answer came after which there was no other. */
function firstGreenForGood(readiness: readonly Probe[], name: string, from: number): number {
  const answers = readiness.filter(({ gateway }) => gateway === name).sort((a, b) => a.startedAt - b.startedAt)
  const lastRed = answers.findLastIndex(({ status }) => status !== OK)
  return Math.max(from, answers[lastRed + 1]?.endedAt ?? Number.POSITIVE_INFINITY)
}

/** Limits that were missed, in words. */
export function missedBy(timings: Timings, scenario: Scenario): string[] {
  const { publishing, readiness, isNoticedInMs, recoversInMs, rollout } = scenario
  const missed: string[] = []
  const check = (name: keyof typeof LIMITS, limit = LIMITS[name] as number) => {
    const value = timings[name]
    if (value !== null && value > limit) missed.push(`${name} ${value}, limit ${limit}`)
  }
  if (publishing === 'fails' && timings.firstFailureMs === null) missed.push('no publish was refused')
  if (publishing === 'continues' && timings.firstFailureMs !== null)
    missed.push(`a publish was refused after ${timings.firstFailureMs} ms`)
  if (publishing === 'fails') {
    check('firstFailureMs', isNoticedInMs)
    check('openFailureMs')
  }
  if (readiness === 'turns red') {
    if (timings.readyRedMs === null) missed.push('a gateway stayed ready all the time')
    check('readyRedMs')
  }
  if (readiness === 'stays green' && timings.readyRedMs !== null)
    missed.push(`no gateway was ready after ${timings.readyRedMs} ms`)
  if (timings.recoveredMs === null) missed.push('not all topics and partitions flow again')
  if (timings.readyGreenMs === null) missed.push('a gateway is not ready again')
  check('recoveredMs', recoversInMs)
  if (scenario.spares) {
    if (timings.sparedMs === null) missed.push('nobody knows which partitions were hit')
    check('sparedMs')
  }
  check('hitMs')
  if (rollout !== undefined) check('quietMs')
  check('grownMb')
  return missed
}
