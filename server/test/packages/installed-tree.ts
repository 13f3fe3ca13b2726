import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { arePackagesStale } from '../../../scripts/build/staleness.js'
import { type Packed, packAll } from '../../../scripts/release/pack.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'

interface Installed {
  /** Has a node_modules with the three packages. */
  readonly folder: string
  readonly packages: readonly Packed[]
}

/**
 * Unpacks the packages as `npm install` would, into a folder outside the repository. Beside them are the packages that
 * they declare, and no others, from the repository's own install: nothing is fetched.
 */
export function installPackages(): Installed {
  buildIfStale()
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-installed-'))
  const packages = packAll(folder)
  for (const { name, file } of packages) {
    const target = join(folder, 'node_modules', name)
    mkdirSync(target, { recursive: true })
    execFileSync('tar', ['-xzf', file, '-C', target, '--strip-components', '1'])
  }
  const own = new Set(packages.map(({ name }) => name))
  const declared = packages.flatMap(({ name }) => declaredBy(join(folder, 'node_modules', name)))
  for (const name of new Set(declared.filter((name) => !own.has(name)))) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(REPOSITORY, 'node_modules', name), link)
  }
  return { folder, packages }
}

/** What is packed afterwards is what the sources say. */
export function buildIfStale(): void {
  if (!arePackagesStale()) return
  execFileSync(process.execPath, ['--import', 'tsx', 'scripts/build/main.ts'], { cwd: REPOSITORY })
}

function declaredBy(folder: string): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as Record<string, Readonly<Record<string, string>> | undefined>
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
}
