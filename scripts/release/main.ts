import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { manifestOf, PUBLISHED } from '../packages.ts'
import { REPOSITORY } from '../source-files.ts'
import { type Packed, packAll } from './pack.ts'
import { releaseProblems } from './problems.ts'

const USAGE = `npm run release -- [--dry-run] [--pack <folder>]

Publishes the three packages, each after those that it depends on.

  --dry-run         builds, packs, and shows what would be published
  --pack <folder>   the same, and keeps the tarballs there

Examples:
  npm run release -- --dry-run
  npm run release -- --pack tarballs`

const { values } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, pack: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const isDry = values['dry-run'] === true || values.pack !== undefined

const changelog = readFileSync(join(REPOSITORY, 'CHANGELOG.md'), 'utf8')
const changed = isDry ? '' : run('git', ['status', '--porcelain'])
const problems = releaseProblems(PUBLISHED.map(manifestOf), changelog, { isDry, changed })
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
run('npm', ['run', 'build'])
const kept = values.pack === undefined ? undefined : resolve(values.pack)
if (kept !== undefined) mkdirSync(kept, { recursive: true })
const folder = kept ?? mkdtempSync(join(tmpdir(), 'tidegate-release-'))
try {
  for (const packed of packAll(folder)) {
    console.log(described(packed))
    if (!isDry) execFileSync('npm', ['publish', '--access', 'public', packed.file], { stdio: 'inherit' })
  }
  if (kept !== undefined) console.log(`tarballs: ${kept}`)
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true })
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { cwd: REPOSITORY, encoding: 'utf8' })
}

function described({ name, version, bytes, unpackedBytes, contents }: Packed): string {
  const files = contents.map(({ path, size }) => `  ${kilobytes(size).padStart(9)}  ${path}`)
  const sizes = `${kilobytes(bytes)} packed, ${kilobytes(unpackedBytes)} unpacked, ${contents.length} files`
  return [`${name}@${version}: ${sizes}`, ...files, ''].join('\n')
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`
}
