import { afterEach, describe, expect, it } from 'vitest'
import { Ingest } from '../../src/ingest/index.ts'
import { contract } from '../support/contract.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const NOW = 1_732_350_000_000
const HOUR_MS = 3_600_000
const { server } = await useRedis()
const opened = useBus(server, 1)
let gateways: Ingest[] = []

afterEach(() => {
  for (const gateway of gateways) gateway.close()
  gateways = []
})

async function gateway(now: () => number): Promise<Ingest> {
  const ingest = new Ingest({ bus: opened.bus, contract, clock: { now }, report: () => 'defect', known: () => [] })
  await ingest.start()
  gateways.push(ingest)
  return ingest
}

describe('names of sequences', () => {
  it('I-SEQUENCE-1 grow by the clock', async () => {
    let now = NOW
    const ingest = await gateway(() => now)
    const first = ingest.newSequence()
    now += 1_000
    expect(Number(ingest.newSequence())).toBeGreaterThan(Number(first) + 900_000)
  })

  it('I-SEQUENCE-1 are larger after a restart with a clock set back, also than those that were not marked any more', async () => {
    let now = NOW
    const before = await gateway(() => now)
    now += 900
    const last = before.newSequence()
    before.close()
    const after = await gateway(() => NOW - HOUR_MS)
    expect(Number(after.newSequence())).toBeGreaterThan(Number(last))
  })

  it('I-SEQUENCE-1 are larger at a gateway whose clock is behind, a second later', async () => {
    let now = NOW
    const [ahead, behind] = [await gateway(() => now), await gateway(() => NOW - HOUR_MS)]
    now += 10_000
    const name = Number(ahead.newSequence())
    await expect.poll(() => Number(behind.newSequence()), { timeout: 4_000 }).toBeGreaterThan(name)
  })
})
