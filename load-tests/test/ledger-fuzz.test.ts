import { describe, expect, it } from 'vitest'
import { fuzz } from '../src/ledger-fuzz/fuzz.ts'

describe('ledger fuzz over real sockets', () => {
  it('gives every event one fate, in order, within the budget', async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const { failed, resets, queueBytesPeak, queueBytesBudget, queueBytesLeft, delivered } = await fuzz({
      seed,
      runs: 48,
      parallel: 24,
    })
    expect({ seed, failed }).toEqual({ seed, failed: [] })
    expect(resets).toBeLessThan(3)
    expect(delivered).toBeGreaterThan(1_000)
    expect(queueBytesPeak).toBeLessThanOrEqual(queueBytesBudget)
    expect(queueBytesLeft).toBe(0)
  }, 120_000)
})
