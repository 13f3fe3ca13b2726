import { parseArgs } from 'node:util'
import { runSeeds } from '../support/run-seeds.ts'
import { type RunReport, run } from './run.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '60' },
    seed: { type: 'string' },
    only: { type: 'string' },
    parallel: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run losses -- [--runs 60] [--seed n] [--only n] [--parallel 3] [--json]

Runs seeded schedules in which Redis loses the end of its log: it is killed with -9 and its file is cut, also twice in a row and
back to the same byte, while clients publish, send commands, subscribe, leave and resume at one gateway or the other. Then what
every subscriber was told is compared with the logs: every event came, or lies in a gap; none came twice without one; and what
begins with a snapshot is the fold of its log (docs/testing.md). Exits 1 unless all of it holds.

  --seed n       of the first schedule; the others follow with n+1, n+2 ...
  --only n       just the schedule of this seed
  --parallel n   at most this many at a time: most of their time is waiting

Examples:
  npm run losses
  npm run losses -- --only 4711`)
  process.exit(0)
}

// So that every Redis ends with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const first = Number(values.only ?? values.seed ?? Math.floor(Math.random() * 1_000_000))
const count = values.only === undefined ? Number(values.runs) : 1
const reports: RunReport[] = []
console.error(`[losses] seed ${first}`)
await runSeeds({ first, count, parallel: Number(values.parallel) }, async (seed) => {
  const report = await run(seed)
  reports.push(report)
  const { faults, seconds, losses } = report
  const outcome = faults.length === 0 ? 'ok' : `${faults.length} FAULTS, run it again with --only ${seed}`
  console.error(`[losses] ${reports.length} of ${count}, seed ${seed}, ${seconds} s: ${outcome} (${losses})`)
  for (const fault of faults.slice(0, 10)) console.error(`  ${fault}`)
})
const sum = (of: (report: RunReport) => number) => reports.reduce((total, report) => total + of(report), 0)
const failed = reports.filter(({ faults }) => faults.length > 0).map(({ seed, faults }) => ({ seed, faults }))
const summary = {
  seed: first,
  runs: reports.length,
  acknowledged: sum(({ acknowledged }) => acknowledged),
  delivered: sum(({ delivered }) => delivered),
  gaps: sum(({ gaps }) => gaps),
  epochs: sum(({ epochs }) => epochs),
  failed,
  ok: failed.length === 0,
}
if (values.json) console.log(JSON.stringify(summary))
else console.dir(summary, { depth: null })
process.exit(summary.ok ? 0 : 1)
