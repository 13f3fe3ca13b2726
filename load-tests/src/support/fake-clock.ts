import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { hasDebianPackages, unpackDebianPackages } from '../../../server/src/supervisor/debian-package.ts'

/** Why the clock of a program cannot be set on this machine, if so. */
export function noFakeClock(): string | undefined {
  return hasDebianPackages() ? undefined : 'libfaketime is taken from the packages of Debian'
}

/**
 * Variables under which a program has a wall clock of its own, ahead of the true one by what a file says at any time;
 * its monotonic clock is the true one.
 */
export async function fakeClock(file: string): Promise<Record<string, string>> {
  const { root } = await unpackDebianPackages(['libfaketime'], readSettings().cacheFolder)
  const names = await readdir(root, { recursive: true })
  const library = join(root, names.find((name) => name.endsWith('/libfaketime.so.1'))!)
  return {
    // jemalloc, which Redis is linked with, asks for the time before libfaketime is there: the C library allocates
    // instead.
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}
