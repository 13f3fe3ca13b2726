/** Runs before each file of those that share a process. */
import { afterAll, expect, vi } from 'vitest'

const CLOCKS = [
  'Date',
  'performance',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const

const clocks = () => Object.fromEntries(CLOCKS.map((name) => [name, globalThis[name]]))

function restore(): void {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.useRealTimers()
}

// When an `afterAll` of the file before threw, the one below did not run.
restore()
const found = clocks()

/** What a file changed for its own tests is not found by the next. */
afterAll(() => {
  restore()
  const left = clocks()
  Object.assign(globalThis, found)
  const changed = CLOCKS.filter((name) => left[name] !== found[name])
  // A spy on a fake timer that is restored after the real ones are back: the next file would wait for ever.
  expect(changed, 'Fakes that stay: restore spies before vi.useRealTimers()').toEqual([])
})
