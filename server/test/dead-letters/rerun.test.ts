import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { rerun } from '../../src/dead-letters/rerun.ts'
import { defineConfig, topic } from '../../src/index.ts'

const reading = topic('r.reading', { schema: z.object({ k: z.string() }), key: 'k' })
const endless = reading
  .map((one) => {
    for (let rounds = 0; rounds !== -1; rounds++) if (one.k === 'ends') return one
    return one
  })
  .to('r.endless', { version: 1 })
const { contract } = defineConfig({ topics: [reading, endless] })

function letterOf(k: string) {
  const place = { partition: 0, streamId: '1-0', index: 0, origin: '1-0.0' }
  return { topic: 'r.endless', ...place, cause: 'x', event: { id: 'e', key: k, time: 1, data: { k } } }
}

describe('redriving', () => {
  it('DL-REDRIVE-3 a letter whose code never returns stays, and the process goes on', () => {
    expect(rerun(contract, letterOf('never'))).toEqual({ kind: 'stays', why: 'its code did not return in time' })
    expect(rerun(contract, letterOf('ends'))).toMatchObject({
      kind: 'results',
      results: [['r.endless', { key: 'ends' }]],
    })
  })
})
