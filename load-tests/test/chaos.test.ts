import { expect, it } from 'vitest'
import { runEntityScenario } from '../src/chaos/entities/run-entity-scenario.ts'
import { ENTITY_SCENARIOS } from '../src/chaos/entities/scenarios.ts'
import { runScenario } from '../src/chaos/run-scenario.ts'
import { SCENARIOS } from '../src/chaos/scenarios/index.ts'

const SEED = 1
/** Where they leave the account hardest to keep. */
const EVENTS = ['rolling-config', 'redis-torn-twice-private-always', 'redis-sigstop', 'worker-sigstop']
const COMMANDS = [
  'entity-worker-killed-after-append',
  'entity-worker-killed-before-answer',
  'entity-gateway-killed-in-flight',
]

// How long things took is judged by `npm run chaos`, which runs all there are and where nothing else runs.
function chaosOfEvents(name: string): void {
  // A rollout starts eight processes one after the other.
  it(`${name} loses, doubles and hides nothing (seed ${SEED})`, { timeout: 120_000 }, async () => {
    const scenario = SCENARIOS.find((one) => one.name === name)!
    const { acked, delivered, conflated, gapped, lostWithinGuarantee, ...result } = await runScenario(scenario, SEED)
    expect(result).toMatchObject({ lost: 0, duplicated: 0, faults: [] })
    expect(delivered + conflated + gapped + lostWithinGuarantee).toBe(acked)
    expect(delivered).toBeGreaterThan(1_000)
  })
}

function chaosOfCommands(name: string): void {
  it(`${name} leaves every command one outcome (seed ${SEED})`, { timeout: 60_000 }, async () => {
    const scenario = ENTITY_SCENARIOS.find((one) => one.name === name)!
    const { faults, hits, commands, reactions } = await runEntityScenario(scenario, SEED)
    expect(faults).toEqual([])
    expect(hits).toBeGreaterThan(0)
    expect(commands).toBeGreaterThan(500)
    expect(reactions).toBeGreaterThan(50)
  })
}

const oneOf = (names: readonly string[]) => names[Math.floor(Math.random() * names.length)]!

chaosOfEvents('everything-killed-tail')
// One more, another each time: each takes 20 s.
if (Math.random() < 0.5) chaosOfEvents(oneOf(EVENTS))
else chaosOfCommands(oneOf(COMMANDS))
