import { expect, it } from 'vitest'
import { runScenario } from '../src/chaos/run-scenario.ts'
import { SCENARIOS } from '../src/chaos/scenarios/index.ts'

const SEED = 1
/** One of these, another each time: each takes 20 s, and `npm run chaos` runs all there are. */
const OTHERS = ['redis-torn-twice-private-always', 'redis-sigstop', 'worker-sigstop']
const other = OTHERS[Math.floor(Math.random() * OTHERS.length)]!

/** Where each leaves the account hardest to keep. How long things took is judged by `npm run chaos`, where nothing else runs. */
it.each(['everything-killed-tail', other])(
  `%s loses, doubles and hides nothing (seed ${SEED})`,
  { timeout: 60_000 },
  async (name) => {
    const scenario = SCENARIOS.find((one) => one.name === name)!
    const { acked, delivered, conflated, gapped, lostWithinGuarantee, ...result } = await runScenario(scenario, SEED)
    expect(result).toMatchObject({ lost: 0, duplicated: 0, faults: [] })
    expect(delivered + conflated + gapped + lostWithinGuarantee).toBe(acked)
    expect(delivered).toBeGreaterThan(1_000)
  },
)
