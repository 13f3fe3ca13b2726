import { expect, test } from 'vitest'
import { Producer } from '../../src/ingest/index.ts'

test('I-APPEND-11 a producer - remembers so many frames that failed, the first ones, and forgets none of them', () => {
  const failed = 5_000
  const producer = new Producer('p', 1)
  // Downwards: each comes before all that failed, so each is tried.
  for (let seq = failed; seq >= 1; seq--) {
    expect(producer.admits(seq)).toBe(true)
    producer.failed(seq)
  }
  expect(producer.waiting).toBe(1_024)
  expect(producer.admits(failed + 1)).toBe(false)
  for (let seq = 1; seq <= 1_024; seq++) {
    expect(producer.admits(seq + 1)).toBe(false)
    expect(producer.admits(seq)).toBe(true)
  }
  expect(producer.waiting).toBe(0)
})
