/** Runs before each file of those that share a process. */
import { afterAll, vi } from 'vitest'

/** What a file changed for its own tests is not found by the next. */
afterAll(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})
