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

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const clocks = () => Object.fromEntries(CLOCKS.map((name) => [name, globalThis[name]]))
const handlers = () => new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]))

function restore(): void {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.useRealTimers()
}

// When an `afterAll` of the file before threw, the one below did not run.
restore()
const found = clocks()
const environment = { ...process.env }
const handled = handlers()

/** What a file changed for its own tests is not found by the next. */
afterAll(() => {
  restore()
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
  // A command waits for them until its process ends.
  for (const [signal, listeners] of handlers()) {
    for (const listener of listeners) if (!handled.get(signal)!.includes(listener)) process.off(signal, listener)
  }
  const left = clocks()
  Object.assign(globalThis, found)
  const changed = CLOCKS.filter((name) => left[name] !== found[name])
  // A spy on a fake timer that is restored after the real ones are back: the next file would wait for ever.
  expect(changed, 'Fakes that stay: restore spies before vi.useRealTimers()').toEqual([])
})
