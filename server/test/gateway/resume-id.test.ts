import { LANES, LIMITS, type PositionVector } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseResumeId, ResumeVector } from '../../src/gateway/sse/resume-id.ts'

const position = fc.record({
  epoch: fc.constantFrom('1', 'a', 'zz9'),
  ms: fc.oneof(fc.constant(0), fc.integer({ min: 1_732_350_000_000, max: 1_732_350_100_000 })),
  sequence: fc.constantFrom('0', '7', '18446744073709551615'),
  index: fc.oneof(fc.constant(999_999), fc.nat({ max: 999_998 })),
})
const lanes = fc.subarray([...LANES], { minLength: 1 })
const vector: fc.Arbitrary<PositionVector> = fc.dictionary(
  fc.constantFrom('a', 'sensor.reading', 'sensor.10s.late'),
  fc
    .tuple(
      lanes,
      fc.array(position, { minLength: 3, maxLength: 3 }),
      fc.array(position, { minLength: 3, maxLength: 3 }),
      fc.array(position, { minLength: 3, maxLength: 3 }),
    )
    .map(([open, ...byLane]) =>
      Object.fromEntries(
        open.map((lane, i) => [
          lane,
          byLane[i]!.map(({ epoch, ms, sequence, index }, p) => `${p}@${epoch}/${ms}-${sequence}.${index}`),
        ]),
      ),
    ),
  { minKeys: 1, noNullPrototype: true },
)

function textOf(of: PositionVector): string | undefined {
  const resume = new ResumeVector()
  resume.merge(of)
  return resume.toText()
}

/** The vector of topics of some partitions that are read at the same time, every lane at another event. */
function liveVector(topics: number, partitions: number): ResumeVector {
  const resume = new ResumeVector()
  for (let topic = 0; topic < topics; topic++) {
    for (const [i, lane] of LANES.entries()) {
      for (let p = 0; p < partitions; p++) {
        resume.move(`commerce.topic_${topic}`, lane, `${p}@epoch${p}/${1_732_350_000_000 - p * 60_000}-${p}.${100 + i}`)
      }
    }
  }
  return resume
}

describe('resume id', () => {
  it('G-STREAM-3 what is written is read back the same', () => {
    fc.assert(
      fc.property(vector, (of) => {
        const text = textOf(of)
        fc.pre(text !== undefined)
        expect(text).toMatch(/^[\x21-\x7e]+$/)
        expect(parseResumeId(text!)).toEqual(of)
      }),
    )
  })

  it('G-STREAM-3 lanes and partitions that are alike take little', () => {
    const at = (partition: number) => `${partition}@1/1732350000000-0.999999`
    const quiet = { 'sensor.reading': { high: [at(0), at(1)], normal: [at(0), at(1)], low: [at(0), at(1)] } }
    expect(textOf(quiet)).toBe(`${(1_732_350_000_000).toString(36)}!1,1!sensor.reading:hnl/0/0`)
  })

  it('G-STREAM-3 whatever fits when it begins stays within the limit, and what is longer has no text', () => {
    for (const [topics, partitions] of [
      [1, 8],
      [5, 8],
      [1, 32],
      [12, 8],
      [3, 64],
    ] as const) {
      const resume = liveVector(topics, partitions)
      if (resume.fits) expect(resume.toText()!.length).toBeLessThanOrEqual(LIMITS.resumeIdBytes)
    }
    expect(liveVector(5, 8).fits).toBe(true)
    expect(liveVector(12, 8).fits).toBe(false)
    expect(liveVector(40, 8).toText()).toBeUndefined()
  })

  it.each([
    '',
    'x',
    '!!',
    'a!1!',
    'a!1!Topic:h/0',
    'a!1!t:x/0',
    'a!1!t:hl/0,0,0',
    'a!1!t:h/0@9',
    'a!1!t:h/zzzzzzzzzzz',
    'a!E!t:h/0',
    'a!1!t:h/0.1000000',
    'a!1!t:h/0!',
    `a!1!t:h${'/0'.repeat(2_000)}`,
  ])('G-STREAM-3 %j is no id', (text) => {
    expect(parseResumeId(text)).toBeUndefined()
  })

  it('G-STREAM-3 reading garbage never throws', () => {
    const garbage = fc.string({ unit: fc.constantFrom(...'a1!,;:/-.@hnl%') })
    fc.assert(fc.property(garbage, (text) => void parseResumeId(text)))
  })
})
