import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Packed, packAll } from '../release/pack.ts'
import { REPOSITORY } from '../source-files.ts'

/** What would be published: `all` names every tarball, for one `npm install`. */
export interface Tarballs {
  readonly packages: readonly Packed[]
  readonly all: string
}

/** @returns lines to print @throws where it fails */
export type PackedCheck = (tarballs: Tarballs) => string[] | Promise<string[]>

/**
 * Packs what would be published and runs each check on it, or those of `--only`. One that fails does not stop the others; the
 * process then exits with 1.
 */
export async function runPackedChecks(usage: string, checks: Readonly<Record<string, PackedCheck>>): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', default: false } } })
  if (values.help) return console.log(usage)
  const names = values.only?.split(',') ?? Object.keys(checks)
  const unknown = names.filter((name) => !Object.hasOwn(checks, name))
  if (unknown.length > 0) {
    console.error(`There is no check ${unknown.join(', ')}. Checks: ${Object.keys(checks).join(', ')}`)
    process.exitCode = 1
    return
  }
  execFileSync('npm', ['run', 'build'], { cwd: REPOSITORY })
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tarballs-'))
  try {
    const packages = packAll(folder)
    const tarballs = { packages, all: packages.map(({ file }) => file).join(' ') }
    for (const name of names) await runCheck(name, () => checks[name]!(tarballs))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function runCheck(name: string, check: () => string[] | Promise<string[]>): Promise<void> {
  try {
    for (const line of await check()) console.log(line)
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
