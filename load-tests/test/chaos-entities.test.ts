import { expect, it } from 'vitest'
import { runEntityScenario } from '../src/chaos/entities/run-entity-scenario.ts'
import { ENTITY_SCENARIOS } from '../src/chaos/entities/scenarios.ts'

const SEED = 1
/** Another each time: each takes ten seconds, and `npm run chaos` runs all there are. */
const scenario = ENTITY_SCENARIOS[Math.floor(Math.random() * ENTITY_SCENARIOS.length)]!

/** How long things took is judged by `npm run chaos`, where nothing else runs. */
it(`${scenario.name} leaves every command one outcome (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const { faults, hits, commands } = await runEntityScenario(scenario, SEED)
  expect(faults).toEqual([])
  expect(hits).toBeGreaterThan(0)
  expect(commands).toBeGreaterThan(500)
})
