import { join } from 'node:path'
import { readSettings } from '../../../../server/src/config/settings/settings.ts'
import { hasDebianPackages, unpackDebianPackages } from '../../../../server/src/supervisor/debian-package.ts'
import { findExecutable } from '../../../../server/src/supervisor/executable.ts'
import { Unavailable } from '../subject.ts'

/** A program that can be started. */
export interface FoundProgram {
  readonly command: string
  /** Additional environment variables. */
  readonly environment: Readonly<Record<string, string>>
  /** The folder that it sees as `/`: other files of its packages are below. */
  readonly root: string
}

/** Debian keeps servers where only root's PATH leads. */
const FOLDERS = ['usr/sbin', 'usr/bin']

/**
 * A server on PATH, or out of the distribution's packages, unpacked for us.
 *
 * @param isComplete whether the one on PATH has what else is needed
 * @throws {Unavailable}
 */
export async function findProgram(
  name: string,
  packages: readonly string[],
  isComplete: () => boolean = () => true,
): Promise<FoundProgram> {
  const { searchPath, cacheFolder } = readSettings()
  const installed = findExecutable([name], [...searchPath, ...foldersIn('/')])
  if (installed !== undefined && isComplete()) return { command: installed, environment: {}, root: '/' }
  const howToGet = `It is in Debian's ${packages.join(' and ')}.`
  if (!hasDebianPackages()) throw new Unavailable(`There is no ${name} on PATH. ${howToGet}`)
  try {
    const { root, environment } = await unpackDebianPackages(packages, cacheFolder)
    return { command: findExecutable([name], foldersIn(root))!, environment, root }
  } catch (cause) {
    throw new Unavailable(`There is no ${name} on PATH. ${howToGet} ${(cause as Error).message}`, { cause })
  }
}

const foldersIn = (root: string) => FOLDERS.map((folder) => join(root, folder))
