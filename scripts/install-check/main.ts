/**
 * Packs what would be published, installs it into empty folders and uses it as a project does: on Node 20, 22 and 24, in
 * pages built by Vite, and under pnpm. `--only 22,pages` does some of it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packAll } from '../release/pack.ts'
import { REPOSITORY } from '../source-files.ts'
import { checkColdStart } from './cold-start.ts'
import { checkIsolated } from './isolated.ts'
import { checkOnNode } from './on-node.ts'
import { checkPages } from './pages.ts'
import { checkSizes } from './sizes.ts'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const only = values.only?.split(',')

execFileSync('npm', ['run', 'build'], { cwd: REPOSITORY })
const folder = mkdtempSync(join(tmpdir(), 'tidegate-tarballs-'))
try {
  const packages = packAll(folder)
  const tarballs = packages.map(({ file }) => file).join(' ')
  const files = Object.fromEntries(packages.map(({ name, file }) => [name, file]))
  const checks: Readonly<Record<string, () => Promise<string[]>>> = {
    sizes: () => checkSizes(packages),
    cold: async () => [await checkColdStart(packages.map(({ file }) => file))],
    20: async () => [await checkOnNode('20', tarballs)],
    22: async () => [await checkOnNode('22', tarballs)],
    24: async () => [await checkOnNode('24', tarballs)],
    pages: () => checkPages(tarballs),
    pnpm: async () => [await checkIsolated(files)],
  }
  for (const [name, check] of Object.entries(checks))
    if (only?.includes(name) ?? true) for (const line of await check()) console.log(line)
} finally {
  rmSync(folder, { recursive: true })
}
