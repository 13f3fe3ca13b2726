import { execFile } from 'node:child_process'
import { platform } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hasDebianPackages, unpackDebianPackages } from './debian-package.ts'
import { findExecutable } from './executable.ts'

/** A redis-server or valkey-server that can be started. */
export interface RedisBinary {
  readonly command: string
  /** Additional environment variables. */
  readonly environment: Readonly<Record<string, string>>
}

export interface RedisSearch {
  /** Folders to look in. */
  readonly searchPath: readonly string[]
  /** Where the distribution's package is unpacked when none of them has a Redis. */
  readonly cacheFolder: string
}

const NAMES = ['redis-server', 'valkey-server']
const DEBIAN_PACKAGE = 'redis-server'
/** The commit script may run in a full Redis by a script flag, which exists since 7.0. */
const OLDEST_MAJOR = 7

/**
 * Finds a Redis on this machine, or unpacks one on Debian and its derivatives.
 *
 * @param say gets one line when something is unpacked.
 * @param stopped aborts the unpacking.
 * @throws with what to do when none is suitable.
 */
export async function findRedisBinary(
  search: RedisSearch,
  say: (line: string) => void,
  stopped?: AbortSignal,
): Promise<RedisBinary> {
  const command = findExecutable(NAMES, search.searchPath)
  const binary = command === undefined ? await unpackedRedis(search, say, stopped) : { command, environment: {} }
  await checkVersion(binary)
  return binary
}

async function unpackedRedis({ cacheFolder }: RedisSearch, say: (line: string) => void, stopped?: AbortSignal) {
  if (!hasDebianPackages()) {
    throw new Error(`There is no redis-server or valkey-server on PATH. ${howToInstall()}`)
  }
  say(`No redis-server on PATH: using the package ${DEBIAN_PACKAGE} of this system, unpacked in ${cacheFolder}.`)
  try {
    const { root, environment } = await unpackDebianPackages([DEBIAN_PACKAGE], cacheFolder, stopped)
    return { command: join(root, 'usr', 'bin', 'redis-server'), environment }
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${howToInstall()}`, { cause })
  }
}

async function checkVersion({ command, environment }: RedisBinary): Promise<void> {
  const { stdout } = await promisify(execFile)(command, ['--version'], { env: { ...environment } })
  const version = /\bv=(\d+)\.\d+\.\d+/.exec(stdout)
  if (version !== null && Number(version[1]) >= OLDEST_MAJOR) return
  throw new Error(`${command} is "${stdout.trim()}"; Tidegate needs Redis ${OLDEST_MAJOR} or newer. ${howToInstall()}`)
}

function howToInstall(): string {
  const otherwise = 'or set REDIS_URL to a Redis of yours.'
  switch (platform()) {
    case 'darwin':
      return `Install one (brew install redis) ${otherwise}`
    case 'win32':
      return `Run Tidegate under WSL, ${otherwise}`
    default:
      return `Install one (the package redis-server, redis or valkey of your distribution) ${otherwise}`
  }
}
