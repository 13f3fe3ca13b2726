/**
 * What somebody new does, from an empty folder and the README: installs what would be published, begins a project, replays a
 * file of a factory, and shows a shop in React. Every number is compared with a computation without Tidegate; exits with 1
 * on any difference. `--only factory,shop` does some of it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkColdStart } from '../install-check/cold-start.ts'
import { checkSizes } from '../install-check/sizes.ts'
import { packAll } from '../release/pack.ts'
import { REPOSITORY } from '../source-files.ts'
import { checkFactory } from './factory.ts'
import { checkShop } from './shop.ts'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const only = values.only?.split(',')

execFileSync('npm', ['run', 'build'], { cwd: REPOSITORY })
const folder = mkdtempSync(join(tmpdir(), 'tidegate-tarballs-'))
try {
  const packages = packAll(folder)
  const tarballs = packages.map(({ file }) => file).join(' ')
  const checks: Readonly<Record<string, () => Promise<string[]>>> = {
    sizes: () => checkSizes(packages),
    cold: async () => [await checkColdStart(packages.map(({ file }) => file))],
    factory: async () => [await checkFactory(tarballs)],
    shop: async () => [await checkShop(tarballs)],
  }
  for (const [name, check] of Object.entries(checks)) {
    if (!(only?.includes(name) ?? true)) continue
    try {
      for (const line of await check()) console.log(line)
    } catch (error) {
      console.error(`${name}: ${(error as Error).message}`)
      process.exitCode = 1
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
