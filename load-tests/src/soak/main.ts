import { parseArgs } from 'node:util'
import { toJson } from '../report/result.ts'
import { tablesOf } from '../report/tables.ts'
import { measured } from '../support/measured.ts'
import { LEAST_MINUTES, soakOf } from './soak.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run soak -- [--minutes 30] [--rate n] [--json]

Gateway, worker and Redis under half of the load that they can take, without trouble. From the third minute on it samples heap,
resident memory, handles and open files of both, and the memory of Redis. In the end it prints how each moves in an hour, with
the standard error of that, and exits 1 if one grows. npm run endurance is about trouble, and about events.

  --minutes n  how long, at least ${LEAST_MINUTES}
  --rate n     events a second, instead of half of the rate with which the worker keeps up

Examples:
  npm run soak
  npm run soak -- --minutes 5 --rate 20000
  npm run soak -- --json > results/soak.json && npm run report -- --from results   # with plots`)
  process.exit(0)
}

const minutes = Number(values.minutes)
const eventsPerSec = values.rate === undefined ? undefined : Number(values.rate)
if (!(minutes >= LEAST_MINUTES) || (eventsPerSec !== undefined && !(eventsPerSec > 0))) {
  console.error(`--minutes is at least ${LEAST_MINUTES}, --rate is a number above 0`)
  process.exit(2)
}
const result = await measured('soak', soakOf({ minutes, eventsPerSec }), {})
if (values.json) console.log(JSON.stringify(toJson(result)))
else
  for (const { title, head, rows } of tablesOf(result.figures)) {
    console.log(title)
    console.table(rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]]))))
  }
const { slopes } = result.figures as { slopes: Record<string, { verdict: string }> }
const growing = Object.keys(slopes).filter((name) => slopes[name]!.verdict === 'grows')
if (growing.length > 0) console.error(`[soak] grows: ${growing.join(', ')}`)
process.exit(growing.length > 0 ? 1 : 0)
