import { describe, expect, test } from 'vitest'
import { TrailExport } from '../../src/cli/entities/trail-export.ts'
import { decodeRecord } from '../../src/entities/index.ts'

const NAME = 'twin'
const all = Array.from({ length: 1_200 }, (_, i) =>
  JSON.stringify({ e: 'measured', v: 1, d: { celsius: i + 1, padding: '.'.repeat(5_000) }, t: i + 1, c: `c-${i}` }),
)

/** A trail that another commit cuts whenever it is read, until so much of it is gone. */
class CutTrail {
  readonly #until: number
  readonly #step: number
  cut: number

  constructor(options: { cut: number; until: number; step: number }) {
    this.cut = options.cut
    this.#until = options.until
    this.#step = options.step
  }

  async stored() {
    const version = all.length
    const record = decodeRecord(JSON.stringify({ v: version, t: version, d: 1, s: {}, b: [this.cut, this.cut, {}] }))
    return { record, cut: this.cut, version }
  }

  async entries(_key: string, cut: number, after: number, count: number) {
    if (this.cut < this.#until) this.cut += this.#step
    return all.slice(this.cut).slice(after - cut, after - cut + count)
  }

  async *keys() {
    yield ['a', 'b']
  }
}

async function versionsOf(trail: CutTrail): Promise<number[]> {
  const versions: number[] = []
  for await (const { text } of new TrailExport(trail, NAME).one('a')) {
    for (const line of text.trim().split('\n')) versions.push(JSON.parse(line).version)
  }
  return versions
}

const from = (version: number) => Array.from({ length: all.length - version + 1 }, (_, i) => version + i)

describe('export', () => {
  test('X-ENTITY-5 a trail that is cut before any of it was written is read again', async () => {
    expect(await versionsOf(new CutTrail({ cut: 1_100, until: 1_106, step: 2 }))).toEqual(from(1_106))
  })

  test('X-ENTITY-5 a trail that is cut after some of it was written ends the export', async () => {
    const trail = new CutTrail({ cut: 100, until: 100, step: 0 })
    const parts = new TrailExport(trail, NAME).one('a')
    const first = await parts.next()
    expect(first.value).toMatchObject({ isLast: false })
    trail.cut = 110
    await expect(parts.next()).rejects.toThrow('twin a was cut while it was exported')
  })

  test('X-ENTITY-5 a part of a trail has little more than 1 MB', async () => {
    const sizes: number[] = []
    let events = 0
    for await (const part of new TrailExport(new CutTrail({ cut: 100, until: 0, step: 0 }), NAME).all()) {
      sizes.push(part.text.length)
      events += part.events
    }
    expect(events).toBe(2 * 1_100)
    expect(Math.max(...sizes)).toBeLessThan(1_600_000)
  })
})
