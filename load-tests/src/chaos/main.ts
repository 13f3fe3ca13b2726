import { parseArgs } from 'node:util'
import { ENTITY_COLUMNS, type EntityResult } from './entities/entity-result.ts'
import { runEntityScenario } from './entities/run-entity-scenario.ts'
import { ENTITY_SCENARIOS } from './entities/scenarios.ts'
import { COLUMNS, type Result } from './result.ts'
import { runScenario } from './run-scenario.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { table } from './table.ts'

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

Runs scenarios: two gateways, two workers and a Redis as processes, SDK clients that publish and subscribe, or send commands to
entities, and something that happens to one of them. Every event and every command is accounted for, and it is measured how soon
trouble is reported and how soon it is over (docs/testing.md). Exits 1 unless nothing is lost or doubled, the disturbance met what
it is for, and all limits are kept.

  --list        names of the scenarios
  --only name   just this one, or all that begin with it and a dash; can be given again
  --seed n      decides keys, values, moments and victims
  --json        one JSON object a line for each scenario, no table

Examples:
  npm run chaos
  npm run chaos -- --only entity
  npm run chaos -- --only redis-sigstop --only link-blackhole --seed 7`)
  process.exit(0)
}

const ALL = [...SCENARIOS, ...ENTITY_SCENARIOS]

if (values.list) {
  const width = Math.max(...ALL.map(({ name }) => name.length)) + 2
  for (const { name, about } of ALL) console.log(`${name.padEnd(width)}${about}`)
  process.exit(0)
}

const isNamed = (name: string, only: string) => name === only || name.startsWith(`${only}-`)
const isMeant = ({ name }: { readonly name: string }) =>
  values.only.length === 0 || values.only.some((only) => isNamed(name, only))

const unknown = values.only.filter((only) => !ALL.some(({ name }) => isNamed(name, only)))
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}: --list names them`)
  process.exit(2)
}

// So that the processes of a scenario end with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
console.error(`[chaos] seed ${seed}`)
let failed = 0

/** One after the other. A scenario that breaks off, for example because its disturbance had no effect, has failed. */
async function runAll<One extends { readonly name: string }, R extends { readonly ok: boolean }>(
  scenarios: readonly One[],
  run: (scenario: One, seed: number, say: (message: string) => void) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  for (const scenario of scenarios.filter(isMeant)) {
    const say = (message: string) => console.error(`[chaos] ${scenario.name}: ${message}`)
    try {
      const result = await run(scenario, seed, say)
      results.push(result)
      if (!result.ok) failed++
      if (values.json) console.log(JSON.stringify(result))
    } catch (error) {
      failed++
      say(`broke off: ${(error as Error).stack}`)
    }
  }
  return results
}

const possible = SCENARIOS.filter((scenario) => {
  const reason = isMeant(scenario) ? scenario.impossible?.() : undefined
  if (reason !== undefined) console.error(`[chaos] ${scenario.name}: skipped, ${reason}`)
  return reason === undefined
})
const results: Result[] = await runAll(possible, runScenario)
const entityResults: EntityResult[] = await runAll(ENTITY_SCENARIOS, runEntityScenario)
if (!values.json) {
  if (results.length > 0) console.log(table(results, COLUMNS))
  if (entityResults.length > 0) console.log(table(entityResults, ENTITY_COLUMNS))
}
process.exit(failed === 0 ? 0 : 1)
