import { parseArgs } from 'node:util'
import { runEndurance } from './run-endurance.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    fsync: { type: 'string', default: 'everysec' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run endurance -- [--minutes 30] [--seed n] [--fsync always|everysec] [--json]

Two gateways, two workers and a Redis, SDK clients that publish and subscribe - steadily, slowly, conflating, resuming - and trouble
by chance all the time: kill -9 and SIGSTOP of everything, Redis too, connections cut, held and muted. In the end every event
is accounted for: acknowledged, in the log, and at each subscriber; flow and windows are compared with a recompute of the log
(docs/testing.md). Exits 1 unless nothing is lost, doubled or out of order.

  --minutes n   how long there is trouble
  --seed n      decides keys, values, troubles, moments and victims
  --fsync       when Redis writes through to the disk: everysec (default) or always

Examples:
  npm run endurance -- --minutes 2
  npm run endurance -- --minutes 30 --seed 7 --fsync always`)
  process.exit(0)
}

const { fsync } = values
const minutes = Number(values.minutes)
if (!(minutes > 0) || (fsync !== 'always' && fsync !== 'everysec')) {
  console.error('--minutes is a number above 0, --fsync is always or everysec')
  process.exit(2)
}

// So that everything that was started ends with this one, what sleeps as well.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
console.error(`[endurance] seed ${seed}`)
const report = await runEndurance({ minutes, seed, fsync }, (message) => console.error(`[endurance] ${message}`))
if (values.json) console.log(JSON.stringify(report))
else {
  const { subscribers, faults, ...totals } = report
  console.log(totals)
  console.table(subscribers)
  for (const fault of faults) console.log(fault)
}
process.exit(report.ok ? 0 : 1)
