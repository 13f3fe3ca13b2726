import { expect, it } from 'vitest'
import type { Bus } from '../../src/bus/index.ts'
import { Canaries } from '../../src/ingest/canaries.ts'
import { warningsWhile } from '../support/warnings.ts'

it('I-CANARY-1 many partitions have a canary each, and Node warns of none of their waits', async () => {
  const sent = new Set<number>()
  const send = async (partition: number) => void sent.add(partition)
  const canaries = new Canaries(send, { partitions: 64 } as Bus, () => 'id')
  const warnings = await warningsWhile(async () => {
    canaries.start()
    await expect.poll(() => sent.size).toBe(64)
  })
  canaries.close()
  expect(warnings).not.toContain('MaxListenersExceededWarning')
})
