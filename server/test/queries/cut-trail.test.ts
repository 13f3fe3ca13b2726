import { expect, test } from 'vitest'
import type { Bus } from '../../src/bus/index.ts'
import type { ReportDefect } from '../../src/observability/defects.ts'
import { EntityReader } from '../../src/queries/entity-reader.ts'
import { twinDefinition } from '../entities/twin.ts'

const entry = (celsius: number) => JSON.stringify({ e: 'measured', v: 1, d: { celsius }, t: celsius, c: 'c' })
const all = Array.from({ length: 12 }, (_, i) => entry(i + 1))
const sumTo = (version: number) => (version * (version + 1)) / 2

/** A trail of 12 events of which another commit cuts some off whenever it is read, until half of it is gone. */
class CutTrail {
  cut = 2

  async load() {
    const base = [this.cut, this.cut, { sum: sumTo(this.cut), alarms: 0 }]
    const record = JSON.stringify({ v: 12, t: 12, d: 1, s: { sum: sumTo(12), alarms: 0 }, b: base })
    return [{ record, length: 12 - this.cut }]
  }

  async trail(_name: string, _key: string, from: number, to: number) {
    if (this.cut < 6) this.cut += 2
    return all.slice(this.cut).slice(from, to)
  }
}

function readerOf(trail: CutTrail, definition = twinDefinition, report: ReportDefect = () => 'id'): EntityReader {
  const bus = {
    partitions: 1,
    log: () => ({ version: async () => ({ epoch: 'e', lineage: 'l' }) }),
    entities: () => trail,
  }
  return new EntityReader(bus as unknown as Bus, definition, report)
}

test('Q-ENTITY-8 entity - a trail that is cut while it is read is read again', async () => {
  const answer = await readerOf(new CutTrail()).read('a', { version: 9 })
  expect(answer).toMatchObject({ version: 9, view: { sum: sumTo(9) } })
})

test('Q-ENTITY-7 entity - code that failed on a trail which was cut meanwhile did not fail', async () => {
  const measured = twinDefinition.events.get('measured')!
  const evolve: typeof measured.evolve = (state, data, meta) => {
    if ((data as { celsius: number }).celsius !== (meta as { version: number }).version)
      throw new Error('not the event of this version')
    return measured.evolve(state, data, meta)
  }
  const strict = { ...twinDefinition, events: new Map([['measured', { ...measured, evolve }]]) }
  const reported: unknown[] = []
  const reader = readerOf(new CutTrail(), strict, (_where, error) => `id-${reported.push(error)}`)
  for (const version of [9, 10]) expect(await reader.read('a', { version })).toMatchObject({ version })
  expect(reported).toEqual([])
})

test('Q-ENTITY-8 entityHistory - a trail that is cut while it is read is read again', async () => {
  const { events } = await readerOf(new CutTrail()).history('a', 0, 100)
  expect(events.map(({ version, data }) => [version, data])).toEqual(
    [7, 8, 9, 10, 11, 12].map((version) => [version, { celsius: version }]),
  )
})
