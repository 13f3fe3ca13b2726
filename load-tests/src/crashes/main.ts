import { parseArgs } from 'node:util'
import { runSeeds } from '../support/run-seeds.ts'
import { runSchedule } from './run-schedule.ts'
import { broken, type ScheduleReport } from './schedule-report.ts'
import { summarize } from './summary.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '50' },
    seed: { type: 'string' },
    only: { type: 'string' },
    parallel: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run crashes -- [--schedules 50] [--seed n] [--only n] [--parallel 3] [--json]

Runs seeded crash schedules. Each writes readings to a Redis of its own while two workers fold them through all kinds of
windows and commands change entities, some of them sent twice, and others follow from what they change; meanwhile workers are killed, also in the middle of commits, put to sleep past their takeover, handed over,
added and stopped, connections are cut with commits unanswered, inputs fall silent, and Redis is restarted or killed, the end
of its file lost. Then trails, states, answers, reactions, panes,
revisions, late events, flow and alert are compared with what a recompute of the log gives (docs/testing.md). Exits 1
unless all are equal.

  --seed n       of the first schedule; the others follow with n+1, n+2 ...
  --only n       just the schedule of this seed
  --parallel n   at most this many at a time: most of their time is waiting

Examples:
  npm run crashes
  npm run crashes -- --only 4711`)
  process.exit(0)
}

const first = Number(values.only ?? values.seed ?? Math.floor(Math.random() * 1_000_000))
const count = values.only === undefined ? Number(values.schedules) : 1
const startedAt = performance.now()
const reports: ScheduleReport[] = []
console.error(`[crashes] seed ${first}`)
await runSeeds({ first, count, parallel: Number(values.parallel) }, async (seed) => {
  const report = await runSchedule(seed).catch((error: Error) => broken(seed, error))
  reports.push(report)
  const { seconds, disturbances, faults, evidence } = report
  const outcome =
    faults.length === 0 ? 'ok' : `${faults.length} FAULTS, run it again with --only ${seed}; see ${evidence}`
  console.error(
    `[crashes] ${reports.length} of ${count}, seed ${seed}, ${seconds} s: ${outcome} (${disturbances.join(', ')})`,
  )
  for (const { kind, what } of faults.slice(0, 10)) console.error(`  ${kind}: ${what}`)
})
const summary = summarize(first, reports, Math.round((performance.now() - startedAt) / 1_000))
if (values.json) console.log(JSON.stringify(summary))
else console.dir(summary, { depth: null })
process.exit(summary.failed === 0 && summary.withoutEffect.length === 0 ? 0 : 1)
