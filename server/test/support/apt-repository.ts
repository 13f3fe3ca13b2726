import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface TestPackage {
  readonly name: string
  readonly depends?: string
  /** Path below `/` -> content; executable. */
  readonly files: Readonly<Record<string, string>>
}

/**
 * Builds real packages into an apt repository on disk.
 *
 * @returns the file for APT_CONFIG under which apt knows this repository and no other.
 */
export function buildAptRepository(folder: string, packages: readonly TestPackage[]): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'Packages'), packages.map((pkg) => buildPackage(folder, pkg)).join('\n'))
  const sources = join(folder, 'sources.list')
  writeFileSync(sources, `deb [trusted=yes] file:${folder} ./\n`)
  const config = join(folder, 'apt.conf')
  writeFileSync(config, `Dir::Etc::sourcelist "${sources}";\nDir::Etc::sourceparts "/dev/null";\n`)
  return config
}

/** Answers the record of the package in the index. */
function buildPackage(folder: string, { name, depends, files }: TestPackage): string {
  const tree = join(folder, name)
  const record = [
    `Package: ${name}`,
    'Version: 1.0',
    'Architecture: all',
    'Maintainer: nobody <nobody@example.com>',
    'Description: for a test',
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    '',
  ].join('\n')
  write(join(tree, 'DEBIAN', 'control'), record)
  for (const [path, content] of Object.entries(files)) {
    write(join(tree, path), content)
    chmodSync(join(tree, path), 0o755)
  }
  const archive = `${name}_1.0_all.deb`
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, join(folder, archive)], { stdio: 'ignore' })
  const sha256 = createHash('sha256')
    .update(readFileSync(join(folder, archive)))
    .digest('hex')
  return `${record}Filename: ./${archive}\nSize: ${statSync(join(folder, archive)).size}\nSHA256: ${sha256}\n`
}

function write(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}
