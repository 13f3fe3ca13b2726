import { expect, it } from 'vitest'
import { run } from '../src/losses/run.ts'

/** Of a schedule here; `npm run losses` has more. */
const LOSSES = 2

it('everybody is told the fate of every event, however Redis loses the end of its log', async () => {
  const seed = Math.floor(Math.random() * 1_000_000)
  const { losses, faults, acknowledged, delivered } = await run(seed, LOSSES)
  expect({ seed, losses, faults }).toEqual({ seed, losses, faults: [] })
  expect(acknowledged).toBeGreaterThan(100)
  expect(delivered).toBeGreaterThan(500)
}, 240_000)
