import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkLocally } from '../src/nexmark/check.ts'
import { generateNexmark } from '../src/nexmark/generator.ts'
import { ResultLedger } from '../src/nexmark/ledger.ts'
import { QUERIES } from '../src/nexmark/queries/index.ts'
import { auctionHouse, bidsOf } from '../src/nexmark/stream.ts'

const EVENTS = 100_000
const seed = Math.floor(Math.random() * 1_000_000)
const options = auctionHouse({ seed, events: EVENTS, eventsPerSec: 1_000 })
const bids = bidsOf(options)

describe('nexmark', () => {
  it('generator - one person, three auctions and 46 bids of every 50, the same for the same seed', () => {
    const events = [...generateNexmark(options)]
    const count = (kind: string) => events.filter((event) => event.kind === kind).length
    expect([count('person'), count('auction'), count('bid')]).toEqual([0.02 * EVENTS, 0.06 * EVENTS, 0.92 * EVENTS])
    expect([...generateNexmark(options)]).toEqual(events)
    expect([...generateNexmark({ ...options, seed: seed + 1 })]).not.toEqual(events)
  })

  it('generator - half of the bids are on a hot auction, three quarters of a hot bidder', () => {
    const share = (isHot: (bid: (typeof bids)[number]) => boolean) => bids.filter(isHot).length / bids.length
    expect(share(({ data }) => Number(data.auction) % 100 === 0)).toBeCloseTo(0.505, 1)
    expect(share(({ data }) => Number(data.bidder) % 100 === 1)).toBeCloseTo(0.7525, 1)
  })

  it('generator - events come out of order by less than a second, those of a second together', () => {
    let latest = 0
    let furthestBehind = 0
    for (const { time } of bids) {
      latest = Math.max(latest, time)
      furthestBehind = Math.max(furthestBehind, latest - time)
    }
    expect(furthestBehind).toBeGreaterThan(500)
    expect(furthestBehind).toBeLessThan(1_000)
  })

  it.each(QUERIES.map((query) => [query.name, query] as const))(
    '%s - gives what a recompute gives, on 100,000 events in 8 partitions',
    (_, query) => {
      const { results, faults } = checkLocally(query, bids, seed)
      expect({ seed, faults }).toEqual({ seed, faults: [] })
      expect(results).toBe(query.expected(bids).size)
      expect(results).toBeGreaterThan(5)
    },
  )
})

describe('docs/nexmark.md', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const text = read('../../docs/nexmark.md')

  it('shows q5 as it is', () => {
    const [, shown] = /```ts\n([^`]+)```/.exec(text)!
    expect(read('../src/nexmark/queries/q5.config.ts')).toContain(shown)
  })

  it.each(QUERIES.map(({ name }) => name))('names %s', (name) => {
    expect(text).toMatch(new RegExp(`^\\| ${name} [^|]*\\| `, 'm'))
  })
})

describe('result ledger', () => {
  const q12 = QUERIES.find(({ name }) => name === 'q12')!
  const expected = new Map([['a [0, 10)', { bids: 2 }]])
  const pane = (revision: number, bids: number, key = 'a') => ({
    id: `${key} ${revision}`,
    key,
    time: 9,
    data: { key, start: 0, end: 10, value: { bids }, timing: 'on_time', revision, final: true },
  })

  it.each([
    ['nothing', [pane(0, 1), pane(1, 2)], []],
    ['what is missing', [], ['a [0, 10) is missing']],
    ['what is different', [pane(0, 1)], ['a [0, 10) is {"bids":1}, expected {"bids":2}']],
    ['a revision twice', [pane(0, 2), pane(0, 2)], ['a [0, 10) has revision 0 after 0']],
    ['what nobody expected', [pane(0, 2), pane(0, 1, 'b')], ['b [0, 10) was not expected']],
  ])('names %s', (_, events, faults) => {
    const ledger = new ResultLedger(q12, 100)
    for (const event of events) ledger.add(event)
    expect(ledger.faults(expected)).toEqual(faults)
  })
})
