import { parseArgs } from 'node:util'
import { runSchedule, type ScheduleReport } from './run-schedule.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '50' },
    seed: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run crashes -- [--schedules 50] [--seed n] [--only n] [--json]

Runs seeded crash schedules. Each writes readings to a Redis of its own while two workers fold them through all kinds of
windows, and meanwhile workers are killed, put to sleep past their takeover, handed over, added and stopped, connections are
cut with commits unanswered, and Redis is restarted. Then every pane, revision, late event, flow and alert is compared with
what a recompute of the log gives. Exits 1 unless all are equal.

  --seed n     of the first schedule; the others follow with n+1, n+2 ...
  --only n     just the schedule of this seed

Examples:
  npm run crashes
  npm run crashes -- --only 4711`)
  process.exit(0)
}

const first = Number(values.only ?? values.seed ?? Math.floor(Math.random() * 1_000_000))
const count = values.only === undefined ? Number(values.schedules) : 1
const startedAt = performance.now()
const reports: ScheduleReport[] = []
for (let i = 0; i < count; i++) {
  const report = await runSchedule(first + i)
  reports.push(report)
  const { seed, seconds, disturbances, faults } = report
  console.error(
    `[crashes] ${i + 1} of ${count}, seed ${seed}, ${seconds} s: ${faults.length === 0 ? 'ok' : `${faults.length} FAULTS`} (${disturbances.join(', ')})`,
  )
  for (const fault of faults.slice(0, 10)) console.error(`  ${fault}`)
}
const sum = (of: (report: ScheduleReport) => number) => reports.reduce((total, report) => total + of(report), 0)
const disturbances: Record<string, number> = {}
for (const name of reports.flatMap((report) => report.disturbances)) disturbances[name] = (disturbances[name] ?? 0) + 1
const failed = reports.filter(({ faults }) => faults.length > 0)
const report = {
  schedules: count,
  seed: first,
  passed: count - failed.length,
  failed: failed.map(({ seed }) => seed),
  disturbances,
  readings: sum(({ readings }) => readings),
  panes: sum(({ panes }) => panes),
  late: sum(({ late }) => late),
  seconds: Math.round((performance.now() - startedAt) / 1_000),
}
if (values.json) console.log(JSON.stringify(report))
else console.log(report)
process.exit(failed.length === 0 ? 0 : 1)
