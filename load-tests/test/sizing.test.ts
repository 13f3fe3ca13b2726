import { describe, expect, it, test } from 'vitest'
import { DEMANDS } from '../../scripts/pages/sizing.ts'
import { KEPT_RESULTS } from '../src/report/folders.ts'
import { readResults } from '../src/report/result.ts'
import { LOAD } from '../src/scaling/load.ts'
import { Measured } from '../src/scaling/measured-costs.ts'
import { cpuSecondsPerMillion, type Size, sizeOf } from '../src/scaling/sizing.ts'

const measured = new Measured(readResults(KEPT_RESULTS))
const costs = measured.costs(LOAD.eventBytes)
const TOLERANCE = 0.25

describe('sizing', () => {
  it.each([
    ['masters.points.2', 1],
    ['masters.points.3', 1],
    ['readers.points.3', 3],
  ])('the model - gives the CPU of %s beside one master and one reader', (point, readers) => {
    const modelled = cpuSecondsPerMillion(costs, readers) / cpuSecondsPerMillion(costs, 1)
    expect(Math.abs(modelled / measured.of('scaling', `${point}.besideFirst`) - 1)).toBeLessThan(TOLERANCE)
  })

  test('sizes - are of about 10, 100 and 1,000 processes', () => {
    const processes = DEMANDS.map((demand) => {
      const { gateways, workers, redisNodes } = sizeOf(demand, costs) as Size
      return gateways + workers + redisNodes
    })
    for (const [i, target] of [10, 100, 1_000].entries()) {
      expect(processes[i]! / target).toBeGreaterThan(0.5)
      expect(processes[i]! / target).toBeLessThan(2)
    }
  })

  test('events that no gateway could read - are said, however many gateways there were', () => {
    const [demand] = DEMANDS
    expect(sizeOf({ ...demand!, eventsPerSec: 10_000_000 }, costs)).toMatch(
      /each gateway would read 5000000 .* at most \d+/,
    )
  })

  test('more of everything - needs no less of anything', () => {
    const [demand] = DEMANDS
    const one = sizeOf(demand!, costs) as Size
    for (const more of ['eventsPerSec', 'deliveriesPerSec', 'connections', 'retentionSeconds', 'replicas'] as const) {
      const larger = sizeOf({ ...demand!, [more]: demand![more] * 3 }, costs) as Size
      for (const name of ['gateways', 'workers', 'masters', 'redisNodes', 'storedBytes'] as const)
        expect(larger[name]).toBeGreaterThanOrEqual(one[name])
    }
  })
})
