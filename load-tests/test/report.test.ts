import { describe, expect, test } from 'vitest'
import { judge, medianRatios } from '../src/check/judge.ts'
import { htmlPage } from '../src/report/html.ts'
import { benchmarksText } from '../src/report/page.ts'
import { parseResult, type Result, textOfResult, toJson } from '../src/report/result.ts'
import { tablesOf } from '../src/report/tables.ts'
import { slopeOf } from '../src/soak/slope.ts'

function result(figures: Result['figures'], benchmark: Result['benchmark'] = 'ingest'): Result {
  return {
    benchmark,
    figures,
    description: 'Events <in> Redis',
    control: 'a bare server',
    notMeasured: 'networks',
    machine: '2 x core',
    versions: { Redis: '7.0' },
    date: '2026-11-28T12:00:00.000Z',
    seconds: 60,
  }
}

const ingest = result({ eventsPerSec: 227_000, controlEventsPerSec: 1_000_000, ratio: 0.23 })
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, ...rows].map((row) => row.join('|')).join('\n')

describe('result', () => {
  test('toJson - is read back as it was', () => {
    expect(parseResult(JSON.stringify(toJson(ingest)))).toEqual(ingest)
  })

  test('textOfResult - has samples on one line, and is read back as it was', () => {
    const sampled = result({ samples: { heapMb: [1, 2.5, 3] }, reason: 'slices [1, 2]' }, 'soak')
    expect(textOfResult(sampled)).toContain('"heapMb": [1, 2.5, 3]')
    expect(parseResult(textOfResult(sampled))).toEqual(sampled)
  })

  test('parseResult - refuses what is no result of a benchmark', () => {
    expect(() => parseResult('{"benchmark":"other","date":"2026"}')).toThrow('not the result')
  })
})

describe('tablesOf', () => {
  test('figures of one level - are rows, with thousands apart', () => {
    expect(tablesOf({ eventsPerSec: 227_000, exact: true })).toEqual([
      {
        title: '',
        head: ['figure', 'value'],
        rows: [
          ['eventsPerSec', '227,000'],
          ['exact', 'yes'],
        ],
      },
    ])
  })

  test('groups that are compared - are a row each, with a blank where one lacks a figure', () => {
    expect(tablesOf({ at100: { own: { p50: 1, p99: 2.126 }, bare: { p50: 0.5 } } })).toEqual([
      {
        title: 'at100',
        head: ['', 'p50', 'p99'],
        rows: [
          ['own', '1', '2.13'],
          ['bare', '0.5', ''],
        ],
      },
    ])
  })
})

describe('page', () => {
  test('overview - has the figure, the control and their ratio, and names what was not run', () => {
    const text = benchmarksText([ingest], table)
    expect(text).toContain(
      '[ingest](#ingest)|acknowledged events/s, frames of 100 over 4 sockets|227,000|1,000,000|0.23',
    )
    expect(text).toContain('Control: a bare server.')
    expect(text).toMatch(/^Not run: .*`pipeline`.*`soak`/m)
    expect(text).not.toMatch(/^Not run: .*`ingest`/m)
  })

  test('no results - names all as not run', () => {
    expect(benchmarksText([], table)).toMatch(/^Not run: `ingest`/m)
    expect(htmlPage([])).toContain('Not run: ingest')
  })

  test('html - loads nothing, escapes what it shows, and draws every value', () => {
    const axis = { per: 'event', points: { 1: { gateway: 4 }, 8: { gateway: 5 } }, flat: { gateway: { flat: false } } }
    const page = htmlPage([ingest, result({ partitions: axis }, 'growth')])
    expect(page).not.toMatch(/(src|href)="(?!#)|url\(|@import|<script/)
    expect(page).toContain('Events &lt;in&gt; Redis')
    for (const title of ['Tidegate: 227,000', 'control: 1,000,000', 'gateway, 8: 5 us/event']) {
      expect(page).toContain(`<title>${title}</title>`)
    }
  })
})

describe('check', () => {
  const floors = (ratio: number) => ({ 'ingest.ratio': { ratio, date: '2026-11-28', machine: '2 x core' } })
  const verdictOf = (ratio: number, floor: number) =>
    judge(floors(floor), ['ingest'], new Map([['ingest.ratio', ratio]])).map(({ verdict }) => verdict)

  test('judge - a median fell or rose beyond 20 % of its floor', () => {
    expect(verdictOf(0.31, 0.4)).toEqual(['fell'])
    expect(verdictOf(0.33, 0.4)).toEqual(['held'])
    expect(verdictOf(0.47, 0.4)).toEqual(['held'])
    expect(verdictOf(0.49, 0.4)).toEqual(['rose'])
  })

  test('judge - where less is better, a larger ratio fell', () => {
    const slow = { 'slow.ratio': { ratio: 1, date: '', machine: '' } }
    expect(judge(slow, ['slow'], new Map([['slow.ratio', 1.3]]))[0]!.verdict).toBe('fell')
    expect(judge(slow, ['slow'], new Map([['slow.ratio', 0.8]]))[0]!.verdict).toBe('rose')
  })

  test('judge - a floor that no run reached is missing, one of a benchmark that was not run is left out', () => {
    expect(judge(floors(0.4), ['ingest'], new Map())[0]!.verdict).toBe('missing')
    expect(judge(floors(0.4), ['windows'], new Map())).toEqual([])
  })

  test('judge - a ratio without a floor is new', () => {
    expect(judge({}, ['ingest'], new Map([['ingest.ratio', 0.3]]))).toEqual([
      { name: 'ingest.ratio', floor: undefined, median: 0.3, verdict: 'new' },
    ])
  })

  test('medianRatios - of every figure named ratio, however deep', () => {
    const runs = [0.2, 0.5, 0.3].map((ratio) => result({ ratio, route: { perSec: 1, ratio: ratio * 2 } }))
    expect(medianRatios(runs)).toEqual(
      new Map([
        ['ingest.ratio', 0.3],
        ['ingest.route.ratio', 0.6],
      ]),
    )
  })
})

describe('slopeOf', () => {
  /** A heap between two collections, above a level that grows by so much in an hour. */
  const heap = (growth: number) =>
    Array.from({ length: 360 }, (_, i) => 100 + (i / 359) * growth * 0.5 + ((i * 7) % 18))

  test('a sawtooth above a level - is flat', () => {
    expect(slopeOf(heap(0), 0.5)).toMatchObject({ verdict: 'flat' })
  })

  test('a sawtooth above a leak - grows by the leak', () => {
    const { perHour, errorPerHour, verdict } = slopeOf(heap(20), 0.5)
    expect(verdict).toBe('grows')
    expect(Math.abs(perHour - 20)).toBeLessThan(3 * errorPerHour + 0.5)
  })

  test('values that jump about for a short time - say nothing', () => {
    expect(slopeOf([100, 180, 90, 170, 110, 200, 100], 0.05).verdict).toBe('unclear')
  })
})
