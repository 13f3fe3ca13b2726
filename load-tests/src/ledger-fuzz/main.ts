import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    only: { type: 'string' },
    parallel: { type: 'string', default: '24' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run ledger -- [--runs 1000] [--seed n] [--only n] [--parallel 24] [--json]

Runs seeded schedules against two gateways on a Redis of their own: a client subscribes over a real socket, and while events
are published it stops reading, consumes slowly, changes its options, is disconnected, resumes, also at the other gateway, and
subscribes anew. Then everything it received is compared with the log: every event that matched was delivered, conflated, sampled or
counted in a gap, once, in order, and only as its policies allow; the server's ledger adds up whenever it is asked; and the
queues stay within their budget. Exits 1 unless all of it holds (docs/testing.md).

  --seed n       of the first schedule; the others follow with n+1, n+2 ...
  --only n       just the schedule of this seed
  --parallel n   at most this many at a time: most of their time is waiting

Examples:
  npm run ledger
  npm run ledger -- --only 4711`)
  process.exit(0)
}

const seed = Number(values.only ?? values.seed ?? Math.floor(Math.random() * 1_000_000))
const runs = values.only === undefined ? Number(values.runs) : 1
let done = 0
console.error(`[ledger] seed ${seed}`)
const report = await fuzz({
  seed,
  runs,
  parallel: Number(values.parallel),
  onRun({ seed: own, faults }) {
    done++
    if (faults.length > 0) {
      console.error(`[ledger] seed ${own}: ${faults.length} FAULTS, run it again with --only ${own}`)
      for (const fault of faults.slice(0, 10)) console.error(`  ${fault}`)
    }
    if (done % 100 === 0) console.error(`[ledger] ${done} of ${runs}`)
  },
})
const { failed, queueBytesPeak, queueBytesBudget, queueBytesLeft } = report
const ok = failed.length === 0 && queueBytesPeak <= queueBytesBudget && queueBytesLeft === 0
if (values.json) console.log(JSON.stringify({ ...report, ok }))
else console.log({ ...report, ok })
process.exit(ok ? 0 : 1)
