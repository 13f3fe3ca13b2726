import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { corpusTargets } from '../src/fuzz/corpus.ts'
import { fuzzTarget } from '../src/fuzz/fuzz.ts'
import { plainFrames } from '../src/fuzz/plain-frames.ts'
import fields, { type FieldsInput, readBoth } from '../src/fuzz/targets/fields.ts'
import { TARGETS } from '../src/fuzz/targets/index.ts'
import { parsed, scanned } from '../src/fuzz/targets/scanner.ts'

/** Of each target, beside all kept ones: the long run is `npm run fuzz`. */
const INPUTS = 200
/** Others use the caches and the memory of this machine meanwhile. What costs the square of its length takes seconds. */
const SLOW_MS = 250
/** Of frames that are scanned: each is compared with what the parser makes of it. */
const SCANNED_INPUTS = 2_000
/** Of batches of which a few fields are read: each is compared with what parsing makes of it. */
const READ_INPUTS = 2_000

describe('fuzz', () => {
  it.each(TARGETS)(
    '$name - nothing is thrown but refusals, and nothing takes long',
    async (target) => {
      const seed = Math.floor(Math.random() * 1_000_000_000)
      const { failures } = await fuzzTarget(target, { inputs: INPUTS, seed, slowMs: SLOW_MS })
      expect({ seed, failures }).toEqual({ seed, failures: [] })
    },
    60_000,
  )

  it('I-SCAN-1 scanner - what is stored of a frame is what is stored of the parsed one, and most are scanned', () => {
    const seed = Math.floor(Math.random() * 1_000_000_000)
    let [stored, found] = [0, 0]
    const property = fc.property(plainFrames, (input) => {
      const frame = Buffer.from(input, 'latin1')
      const [expected, got] = [parsed(frame), scanned(frame)]
      if (expected !== undefined) stored++
      if (got === undefined) return
      found++
      if (JSON.stringify(got) !== JSON.stringify(expected)) expect(got).toEqual(expected)
    })
    fc.assert(property, { seed, numRuns: SCANNED_INPUTS })
    expect(found, `seed ${seed}`).toBeGreaterThan(stored / 3)
  })

  it('W-FOLD-16 fields - what is read of an event is what parsing gives, and many batches are not parsed', () => {
    const seed = Math.floor(Math.random() * 1_000_000_000)
    let narrow = 0
    const property = fc.property(fields.inputs as fc.Arbitrary<FieldsInput>, (input) => {
      if (readBoth(input) === 'narrow') narrow++
    })
    fc.assert(property, { seed, numRuns: READ_INPUTS })
    expect(narrow, `seed ${seed}`).toBeGreaterThan(READ_INPUTS / 10)
  })

  it('corpus - each folder belongs to a target', () => {
    const names = TARGETS.map(({ name }) => name)
    expect(corpusTargets().filter((folder) => !names.includes(folder))).toEqual([])
  })
})
