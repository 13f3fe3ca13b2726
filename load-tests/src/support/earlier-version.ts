import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))
/** Before partitions could be divided, and so of a format less. The next release takes its place. */
const COMMIT = '606af9a'
const WORKSPACES = { client: 'client-sdk', dashboard: 'dashboard', 'load-tests': 'load-tests', protocol: 'protocol' }
/** Of an archive of the repository. */
const MAX_BYTES = 256 * 1_024 * 1_024

let folder: string | undefined

/** Why there are no sources of the earlier version; `undefined` where there are. */
export function earlierVersionFault(): string | undefined {
  try {
    git('cat-file', '-e', `${COMMIT}^{commit}`)
    return undefined
  } catch {
    return `this clone does not go back to commit ${COMMIT} (git fetch --unshallow)`
  }
}

/** A folder with the sources of the earlier version, which run on the packages of this one. It is removed when this process ends. */
export function earlierVersion(): string {
  if (folder !== undefined) return folder
  const made = mkdtempSync(join(tmpdir(), 'tidegate-earlier-'))
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  execFileSync('tar', ['-x', '-C', made], { input: git('archive', COMMIT) })
  const packages = join(made, 'node_modules')
  mkdirSync(join(packages, '@tidegate'), { recursive: true })
  for (const name of readdirSync(join(REPOSITORY, 'node_modules'))) {
    if (name === 'tidegate' || name === '@tidegate') continue
    symlinkSync(join(REPOSITORY, 'node_modules', name), join(packages, name))
  }
  symlinkSync(join(made, 'server'), join(packages, 'tidegate'))
  for (const [name, workspace] of Object.entries(WORKSPACES)) {
    symlinkSync(join(made, workspace), join(packages, '@tidegate', name))
  }
  folder = made
  return made
}

function git(...args: readonly string[]): Buffer {
  return execFileSync('git', args, { cwd: REPOSITORY, maxBuffer: MAX_BYTES, stdio: ['ignore', 'pipe', 'ignore'] })
}
