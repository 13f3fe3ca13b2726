import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { childEnvironment } from '../config/settings/settings.ts'
import { findExecutable } from './executable.ts'

/** Packages of the distribution in a private folder: nothing is installed, no service runs, root is not needed. */
export interface UnpackedPackages {
  /** The folder that the packages see as `/`. */
  readonly root: string
  /** Variables under which their programs find their libraries. */
  readonly environment: Readonly<Record<string, string>>
}

/** The C library must fit the dynamic loader, which is the machine's own. */
const NEVER_UNPACKED = new Set(['libc6'])
/** Folders of apt, dpkg and the programs they call (gpgv, tar), whatever PATH says. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
const DPKG_STATUS = '/var/lib/dpkg/status'
const MAX_OUTPUT_BYTES = 16 * 1_024 * 1_024

/** Whether this machine is a Debian or a derivative. */
export function hasDebianPackages(): boolean {
  return ['apt-get', 'dpkg'].every((tool) => findExecutable([tool], SYSTEM_FOLDERS) !== undefined)
}

/**
 * Unpacks packages, with the dependencies that the machine lacks, below `cacheFolder`, once: later calls find them
 * there. Several processes may do so at once; the first to finish wins, and the others use its result.
 *
 * @throws when the distribution does not have them or its servers cannot be reached; `cause` has apt's message.
 */
export async function unpackDebianPackages(
  names: readonly string[],
  cacheFolder: string,
  stopped?: AbortSignal,
): Promise<UnpackedPackages> {
  const root = join(cacheFolder, `${names.join('+')}-${await release()}-${process.arch}`)
  if (!existsSync(root)) {
    const workshop = `${root}.${randomUUID()}`
    try {
      await unpack(names, workshop, stopped)
      await moveUnlessThere(join(workshop, 'root'), root)
    } catch (cause) {
      throw new Error(`The packages ${names.join(', ')} could not be unpacked: ${reason(cause)}`, { cause })
    } finally {
      await rm(workshop, { recursive: true, force: true })
    }
  }
  const libraries = await libraryFolders(root)
  return { root, environment: libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') } }
}

async function unpack(names: readonly string[], workshop: string, stopped: AbortSignal | undefined): Promise<void> {
  const state = join(workshop, 'state')
  const cache = join(workshop, 'cache')
  const archives = join(workshop, 'archives')
  const root = join(workshop, 'root')
  await Promise.all([state, cache, archives, root].map((folder) => mkdir(folder, { recursive: true })))
  const status = join(workshop, 'status')
  const options = aptOptions(state, cache, status)
  const apt = (tool: string, args: readonly string[]) => run(tool, [...options, ...args], archives, stopped)

  await copyFile(DPKG_STATUS, status)
  // One unreachable source of several is no reason to give up: a package that is really missing shows below.
  const updateError = await apt('apt-get', ['update']).then(
    () => undefined,
    (error: unknown) => error,
  )
  try {
    const sources = sourcesOf(await apt('apt-cache', ['show', '--no-all-versions', ...names]))
    const simulate = () => apt('apt-get', ['install', '--simulate', '--no-install-recommends', ...names])
    const installed = await readFile(DPKG_STATUS, 'utf8')
    await writeFile(status, withoutSources(installed, sources))
    // Where something installed needs a removed part, apt refuses to plan: then those parts stay.
    const plan = await simulate().catch(async () => {
      await writeFile(status, installed)
      return simulate()
    })
    await apt('apt-get', ['download', ...plannedPackages(plan)])
  } catch (error) {
    throw updateError ?? error
  }
  for (const archive of await readdir(archives)) await run('dpkg', ['-x', archive, root], archives, stopped)
}

/** Private state and cache, which any user may write; sources and keys are the machine's. */
function aptOptions(state: string, cache: string, status: string): string[] {
  return Object.entries({
    'Dir::State': state,
    'Dir::State::status': status,
    'Dir::Cache': cache,
    'Acquire::Languages': 'none',
    // As root, apt would fetch as a user without access to these folders.
    'APT::Sandbox::User': 'root',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

/** Source packages in the records of binary ones, `Source: redis` or by default the binary package's own name. */
export function sourcesOf(records: string): ReadonlySet<string> {
  return new Set(records.split(/\n\n+/).flatMap((record) => sourceOf(record) ?? []))
}

/**
 * The list of installed packages without those of some sources. Packages built together refer to each other's files -
 * redis-server is a link into redis-tools - and must lie in one root even if some of them are installed.
 */
export function withoutSources(status: string, sources: ReadonlySet<string>): string {
  return status
    .split(/\n\n+/)
    .filter((record) => !sources.has(sourceOf(record) ?? ''))
    .join('\n\n')
}

function sourceOf(record: string): string | undefined {
  return (/^Source: (\S+)/m.exec(record) ?? /^Package: (\S+)/m.exec(record))?.[1]
}

/** Names in the lines `Inst redis-tools (5:7.0.15 ...)` of a simulated installation. */
export function plannedPackages(plan: string): string[] {
  return [...plan.matchAll(/^Inst (\S+) /gm)].map(([, name]) => name!).filter((name) => !NEVER_UNPACKED.has(name))
}

async function moveUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!existsSync(to)) throw error
  }
}

async function libraryFolders(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return [...new Set(entries.filter(({ name }) => /^lib.+\.so(\.|$)/.test(name)).map(({ parentPath }) => parentPath))]
}

/** For example `debian12`: libraries unpacked for one release need not fit the next. */
async function release(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const value = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, 'm').exec(text)?.[1] ?? ''
  return value('ID') + value('VERSION_ID')
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  stopped: AbortSignal | undefined,
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, {
    cwd,
    ...(stopped && { signal: stopped }),
    env: childEnvironment({ PATH: SYSTEM_FOLDERS.join(':'), LC_ALL: 'C' }),
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  return stdout
}

function reason(error: unknown): string {
  const { stderr, message } = error as Error & { stderr?: string }
  return (stderr || message).trim()
}
