import { describe, expect, test } from 'vitest'
import { HISTORY_SECONDS, RateMeter } from '../src/model/rate-meter.ts'

const T0 = 1_732_350_000_000

/** Events appended at the given offsets from T0, received at once. */
function meterOf(topic: string, offsetsMs: readonly number[], serverAheadMs = 0): RateMeter {
  const meter = new RateMeter()
  for (const offset of offsetsMs) meter.count(topic, T0 + offset + serverAheadMs, T0 + offset)
  return meter
}

describe('rate meter', () => {
  test('rate - the mean of the last five full seconds; the second under way does not count yet', () => {
    const meter = meterOf('a', [0, 1_000, 1_500, 4_999, 5_000, 5_100])
    const { perSecond, total, history } = meter.read('a', T0 + 5_200)
    expect(perSecond).toBe(4 / 5)
    expect(total).toBe(6)
    expect(history.slice(-5)).toEqual([1, 2, 0, 0, 1])
    expect(history).toHaveLength(HISTORY_SECONDS)
  })

  test('rate - falls to zero when nothing comes', () => {
    const meter = meterOf('a', [0, 100, 200])
    expect(meter.read('a', T0 + 1_000).perSecond).toBe(3 / 5)
    expect(meter.read('a', T0 + 6_000).perSecond).toBe(0)
  })

  test('replay - events appended long ago make no burst when they arrive', () => {
    const meter = meterOf('a', [0])
    for (let i = 0; i < 1_000; i++) meter.count('a', T0 - 600_000 + i, T0)
    expect(meter.read('a', T0 + 1_000)).toMatchObject({ perSecond: 1 / 5, total: 1_001 })
  })

  test.each([-3_600_000, 3_600_000])('clock - a server %d ms ahead gives the same rate', (aheadMs) => {
    const meter = meterOf('a', [0, 1_000, 2_000, 3_000, 4_000], aheadMs)
    expect(meter.read('a', T0 + 5_000).perSecond).toBe(1)
  })

  test('topics - are counted apart and added up', () => {
    const meter = meterOf('a', [0, 100])
    meter.count('b', T0 + 200, T0 + 200)
    expect(meter.read('a', T0 + 1_000).total).toBe(2)
    expect(meter.read('b', T0 + 1_000).total).toBe(1)
    expect(meter.read('unknown', T0 + 1_000)).toMatchObject({ perSecond: 0, total: 0 })
    const all = meter.readTotal(T0 + 1_000)
    expect(all).toMatchObject({ perSecond: 3 / 5, total: 3 })
    expect(all.history.at(-1)).toBe(3)
  })

  test('ring - a second of a minute ago is not taken for the present one', () => {
    const meter = meterOf('a', [0, 64_000])
    expect(meter.read('a', T0 + 65_000).history.reduce((sum, count) => sum + count, 0)).toBe(1)
  })
})
