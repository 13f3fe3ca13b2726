import { constants, readFileSync } from 'node:fs'
import { access, mkdtemp, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CertificateFacts, MachineFacts } from '../../doctor/index.ts'
import { certificateEnd, readTls, type TlsFiles } from '../../tls.ts'
import { openFilesLimit } from '../processes/open-files.ts'

/**
 * @param dataFolder of a private Redis; `undefined` where Redis is elsewhere
 * @param tls of gateways. It throws where the settings do not fit together.
 */
export async function readMachineFacts(
  dataFolder: string | undefined,
  tls: () => TlsFiles | undefined,
): Promise<MachineFacts> {
  const always = { openFiles: openFilesLimit(), certificate: await certificateOf(tls) }
  if (dataFolder === undefined) return always
  return {
    ...always,
    ...(await diskOf(dataFolder)),
    overcommit: textOf('/proc/sys/vm/overcommit_memory'),
    hugePages: textOf('/sys/kernel/mm/transparent_hugepage/enabled'),
  }
}

async function certificateOf(tls: () => TlsFiles | undefined): Promise<CertificateFacts | undefined> {
  try {
    const files = tls()
    if (files === undefined) return undefined
    return { kind: 'usable', file: files.cert, leftMs: certificateEnd(await readTls(files)) - Date.now() }
  } catch (error) {
    return { kind: 'unusable', why: (error as Error).message }
  }
}

/** A folder that is not there yet will be made in the one around it. */
async function diskOf(folder: string): Promise<Pick<MachineFacts, 'freeBytes' | 'unwritable'>> {
  const there = await nearest(folder)
  const { bavail, bsize } = await statfs(there)
  try {
    // By doing it: permissions do not tell of a disk that is mounted read-only, or full.
    await rm(await mkdtemp(join(there, '.tidegate-doctor-')), { recursive: true })
    return { freeBytes: bavail * bsize }
  } catch (error) {
    return { freeBytes: bavail * bsize, unwritable: (error as Error).message }
  }
}

async function nearest(folder: string): Promise<string> {
  try {
    await access(folder, constants.F_OK)
    return folder
  } catch {
    const around = dirname(folder)
    return around === folder ? folder : nearest(around)
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
