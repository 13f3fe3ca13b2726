import { expect, it } from 'vitest'
import { runEntityScenario } from '../src/chaos/entities/run-entity-scenario.ts'
import { ENTITY_SCENARIOS } from '../src/chaos/entities/scenarios.ts'

const SEED = 1
/** One of these, another each time: each takes ten seconds, and `npm run chaos` runs all there are. */
const SOME = [
  'entity-worker-killed-after-append',
  'entity-worker-killed-before-answer',
  'entity-gateway-killed-in-flight',
]
const name = SOME[Math.floor(Math.random() * SOME.length)]!
const scenario = ENTITY_SCENARIOS.find((one) => one.name === name)!

/** How long things took is judged by `npm run chaos`, where nothing else runs. */
it(`${name} leaves every command one outcome (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const { faults, hits, commands } = await runEntityScenario(scenario, SEED)
  expect(faults).toEqual([])
  expect(hits).toBeGreaterThan(0)
  expect(commands).toBeGreaterThan(500)
})
