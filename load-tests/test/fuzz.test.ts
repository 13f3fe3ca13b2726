import { describe, expect, it } from 'vitest'
import { corpusTargets } from '../src/fuzz/corpus.ts'
import { fuzzTarget } from '../src/fuzz/fuzz.ts'
import { TARGETS } from '../src/fuzz/targets/index.ts'

/** Of each target, beside all kept ones: the long run is `npm run fuzz`. */
const INPUTS = 200
/** Others use the caches and the memory of this machine meanwhile. What costs the square of its length takes seconds. */
const SLOW_MS = 250

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

  it('corpus - each folder belongs to a target', () => {
    const names = TARGETS.map(({ name }) => name)
    expect(corpusTargets().filter((folder) => !names.includes(folder))).toEqual([])
  })
})
