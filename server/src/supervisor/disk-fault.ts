import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Why a disk takes nothing, and what to do; by the codes of the system, and by what Redis says of them in its log. */
const FAULTS: readonly (readonly [RegExp, why: string])[] = [
  [/ENOSPC|no space left/i, 'its disk is full: make room'],
  [/EDQUOT|quota exceeded/i, 'the quota of this user is used up: make room'],
  [/EROFS|read-only file system/i, 'its disk is mounted read-only: mount it writable'],
  [/EACCES|EPERM|permission denied/i, 'this user may not write there: look at its owner and permissions'],
  [/ENOTDIR|EEXIST/, 'it is a file, or below one: move that away'],
  [/EMFILE|ENFILE|too many open files/i, 'no more files may be open: raise the limit (ulimit -n 65536)'],
]

/** A folder that is written to. */
export interface WrittenFolder {
  readonly path: string
  /** What it is to whoever named it. */
  readonly is: string
  /** How another one is named. */
  readonly instead: string
}

export function dataFolder(path: string): WrittenFolder {
  return { path, is: 'data folder', instead: 'name another folder by --data' }
}

/** What to say of a text that tells of a disk; `undefined` for any other. */
export function diskFault({ path, is, instead }: WrittenFolder, text: string): string | undefined {
  const why = FAULTS.find(([matches]) => matches.test(text))?.[1]
  return why === undefined ? undefined : `The ${is} ${path} cannot be written: ${why}, or ${instead}.`
}

/** Makes a folder, and a file in it. @throws with what to do where that is not possible */
export async function makeWritable(folder: WrittenFolder): Promise<void> {
  const { path, is } = folder
  try {
    await makeFolder(path)
    // By doing it: permissions do not tell of a disk that is mounted read-only, nor a folder of one without room for data.
    const tried = await mkdtemp(join(path, '.try-'))
    try {
      await writeFile(join(tried, 'data'), 'x')
    } finally {
      await rm(tried, { recursive: true })
    }
  } catch (cause) {
    const { message } = cause as Error
    throw new Error(`${diskFault(folder, message) ?? `The ${is} ${path} cannot be written.`} (${message})`, { cause })
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    // Node says of a disk that is read-only that the folder does not exist. The folder around may exist.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(folder)
  }
}
