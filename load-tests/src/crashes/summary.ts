import type { Hits } from './disturbances.ts'
import type { Fault } from './results.ts'
import type { ScheduleReport } from './schedule-report.ts'

/** Disturbances that must meet a commit, and what counts that they did. */
const IN_COMMITS = [
  { by: 'kill -9 before a commit is stored', counted: 'commitsNotStored' },
  { by: 'kill -9 between a commit and its reply', counted: 'commitsUnanswered' },
] as const
/** Of one schedule: what follows is more of the same. */
const MAX_FAULTS = 50
/** So many that one of them would have met a commit. */
const ENOUGH = 5

/** Totals of all schedules. */
export function summarize(seed: number, reports: readonly ScheduleReport[], seconds: number) {
  const sum = (of: (report: ScheduleReport) => number) => reports.reduce((total, report) => total + of(report), 0)
  const faults = (kind: Fault['kind']) => sum((report) => report.faults.filter((fault) => fault.kind === kind).length)
  const hits = (kind: keyof Hits) => sum((report) => report.hits[kind])
  const disturbances: Record<string, number> = {}
  for (const name of reports.flatMap((report) => report.disturbances))
    disturbances[name] = (disturbances[name] ?? 0) + 1
  const idle = IN_COMMITS.filter(({ by, counted }) => (disturbances[by] ?? 0) >= ENOUGH && hits(counted) === 0)
  const failedSeeds = reports.filter((report) => report.faults.length > 0).map((report) => report.seed)
  return {
    schedules: reports.length,
    seed,
    passed: reports.length - failedSeeds.length,
    failed: failedSeeds.length,
    /** Disturbances that never met a commit: they prove nothing. */
    withoutEffect: idle.map(({ by }) => by),
    failedSeeds,
    /** What is wrong with each of them, and where that is to be looked into. */
    failures: reports.flatMap(({ seed, disturbances, faults, evidence }) =>
      faults.length === 0 ? [] : [{ seed, disturbances, evidence, faults: faults.slice(0, MAX_FAULTS) }],
    ),
    disturbances,
    hits: {
      commitsNotStored: hits('commitsNotStored'),
      commitsUnanswered: hits('commitsUnanswered'),
      lostTails: hits('lostTails'),
      takenFromSleepers: hits('takenFromSleepers'),
    },
    events: sum(({ events }) => events),
    panes: sum(({ panes }) => panes),
    commands: sum(({ commands }) => commands),
    reactions: sum(({ reactions }) => reactions),
    late: sum(({ late }) => late),
    lost: faults('lost'),
    doubled: faults('doubled'),
    wrong: faults('wrong'),
    seconds,
  }
}
