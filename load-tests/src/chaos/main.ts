import { parseArgs } from 'node:util'
import { type Result, table } from './result.ts'
import { runScenario } from './run-scenario.ts'
import { SCENARIOS } from './scenarios/index.ts'

const { values } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run chaos -- [--list] [--only name]... [--seed n] [--json]

Runs scenarios: two gateways, two workers and a Redis as processes, SDK clients that publish and subscribe, and something that
happens to one of them. Every event is accounted for, and it is measured how soon trouble is reported and how soon it is over
(docs/testing.md). Exits 1 unless nothing is lost or doubled and all limits are kept.

  --list        names of the scenarios
  --only name   just this one; can be given again
  --seed n      decides keys, values, moments and victims
  --json        one JSON object a line for each scenario, no table

Examples:
  npm run chaos
  npm run chaos -- --only redis-sigstop --only link-blackhole --seed 7`)
  process.exit(0)
}

if (values.list) {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length)) + 2
  for (const { name, about } of SCENARIOS) console.log(`${name.padEnd(width)}${about}`)
  process.exit(0)
}

const unknown = values.only.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name))
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}: --list names them`)
  process.exit(2)
}

// So that the processes of a scenario end with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
console.error(`[chaos] seed ${seed}`)
const results: Result[] = []
let failed = 0
for (const scenario of SCENARIOS.filter(({ name }) => values.only.length === 0 || values.only.includes(name))) {
  const reason = scenario.impossible?.()
  if (reason !== undefined) {
    console.error(`[chaos] ${scenario.name}: skipped, ${reason}`)
    continue
  }
  try {
    const result = await runScenario(scenario, seed, (message) => console.error(`[chaos] ${scenario.name}: ${message}`))
    results.push(result)
    if (!result.ok) failed++
    if (values.json) console.log(JSON.stringify(result))
  } catch (error) {
    failed++
    console.error(`[chaos] ${scenario.name}: broke off: ${(error as Error).stack}`)
  }
}
if (!values.json) console.log(table(results))
process.exit(failed === 0 ? 0 : 1)
