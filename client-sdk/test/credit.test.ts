import { describe, expect, test } from 'vitest'
import { CreditMeter } from '../src/frames/credit.ts'

function meter(): { meter: CreditMeter; reports: number[] } {
  const reports: number[] = []
  return { meter: new CreditMeter(1_000, (bytes) => reports.push(bytes)), reports }
}

describe('credit meter', () => {
  test('C-CREDIT-1 report - cumulative, once a quarter of the window is unreported', () => {
    const { meter: credit, reports } = meter()
    for (const bytes of [249, 1, 100, 149, 1, 600]) credit.receipt(bytes, 0)
    expect(reports).toEqual([250, 500, 1_100])
  })

  test('C-CREDIT-1 report - what is held back counts as unreported: no more than a quarter of the window stays in flight beside it', () => {
    const { meter: credit, reports } = meter()
    credit.receipt(200, 1)
    credit.receipt(49, 0)
    expect(reports).toEqual([])
    credit.receipt(1, 0)
    expect(reports).toEqual([50])
  })

  test('C-CREDIT-2 receipt - a frame with events counts when the last of them was taken', () => {
    const { meter: credit, reports } = meter()
    const receipt = credit.receipt(300, 2)
    receipt.done()
    expect(reports).toEqual([])
    receipt.done()
    expect(reports).toEqual([300])
  })
})
