import { vi } from 'vitest'
import { main } from '../../src/cli/main.ts'

export interface Printed {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process and collects what it prints. */
export async function runCommand(...args: readonly string[]): Promise<Printed> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    const code = await main([...args])
    return { code, out: out.mock.calls.join(''), err: err.mock.calls.join('') }
  } finally {
    out.mockRestore()
    err.mockRestore()
  }
}
