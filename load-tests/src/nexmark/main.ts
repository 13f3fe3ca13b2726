import { parseArgs } from 'node:util'
import { checkLocally } from './check.ts'
import { measure } from './measure.ts'
import { QUERIES } from './queries/index.ts'
import { auctionHouse, bidsOf } from './stream.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    events: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '1000' },
    processes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const names = QUERIES.map(({ name }) => name)
const unknown = positionals.find((name) => !names.includes(name))
if (values.help || unknown !== undefined) {
  if (unknown !== undefined) console.error(`No query "${unknown}".`)
  console.log(`npm run nexmark -- [query ...] [--seed n] [--events 1000000] [--rate 1000] [--processes]

Runs Nexmark queries over seeded events and compares every result with a recompute. Exits 1 unless all are equal.
  --rate       events a second of event time: what lies in one window
  --processes  a worker process on a Redis; without it the worker's fold in this process, in 8 partitions that commit,
               report to each other and lose their memory at seeded moments

Queries:
${QUERIES.map(({ name, description }) => `  ${name.padEnd(14)} ${description}`).join('\n')}

Examples:
  npm run nexmark
  npm run nexmark -- q5 q11 --seed 7 --events 100000
  npm run nexmark -- q17 --processes`)
  process.exit(unknown === undefined ? 0 : 1)
}

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const bids = bidsOf(auctionHouse({ seed, events: Number(values.events), eventsPerSec: Number(values.rate) }))
console.log(`seed ${seed}, ${bids.length} bids`)
for (const query of QUERIES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const { faults, ...figures } = values.processes ? await measure(query, bids) : checkLocally(query, bids, seed)
  console.log(query.name, figures, faults.length === 0 ? 'exact' : faults)
  if (faults.length > 0) process.exitCode = 1
}
