import { parseArgs } from 'node:util'
import { runExactness } from './exactness.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    events: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '40' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run exactness -- [--seed n] [--events 200000] [--seconds 40] [--json]

Publishes seeded events through separate processes while two workers and the gateway are killed with -9 and Redis is
restarted, and reconciles every event and every pane. Exits 1 unless nothing is lost, doubled or different.

Examples:
  npm run exactness
  npm run exactness -- --seed 7 --events 20000 --seconds 15`)
  process.exit(0)
}

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const options = { seed, events: Number(values.events), publishMs: Number(values.seconds) * 1_000 }
const report = await runExactness(options, (message) => console.error(`[exactness] ${message}`))
if (values.json) console.log(JSON.stringify(report))
else console.log({ ...report, paneFaults: report.paneFaults.slice(0, 10) })
process.exit(report.ok ? 0 : 1)
