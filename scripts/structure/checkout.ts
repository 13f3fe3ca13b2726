import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../source-files.ts'

const MAX_ARCHIVE_BYTES = 2 ** 28

/** Calls with a folder that holds the repository as of a ref, and removes it. @throws UnknownRef */
export function withCheckout<T>(ref: string, body: (root: string) => T): T {
  const archive = git('archive', '--format=tar', commitOf(ref))
  const root = mkdtempSync(join(tmpdir(), 'tidegate-structure-'))
  try {
    execFileSync('tar', ['-x', '-C', root], { input: archive })
    return body(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

export class UnknownRef extends Error {}

function commitOf(ref: string): string {
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).toString().trim()
  } catch (cause) {
    throw new UnknownRef(`"${ref}" is no commit, branch or tag of this repository.`, { cause })
  }
}

function git(...args: readonly string[]): Buffer {
  return execFileSync('git', args, { cwd: REPOSITORY, maxBuffer: MAX_ARCHIVE_BYTES })
}
