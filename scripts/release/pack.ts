import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { PUBLISHED } from '../packages.ts'
import { REPOSITORY } from '../source-files.ts'

export interface Packed {
  readonly name: string
  readonly version: string
  /** The tarball. */
  readonly file: string
  readonly bytes: number
  readonly unpackedBytes: number
  readonly contents: readonly { readonly path: string; readonly size: number }[]
}

interface NpmPacked {
  readonly name: string
  readonly version: string
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

/** Writes the tarballs of all packages, as built last, into a folder. Each comes after those that it depends on. */
export function packAll(folder: string): Packed[] {
  return PUBLISHED.map((name) => {
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const printed = execFileSync('npm', args, { cwd: join(REPOSITORY, name), encoding: 'utf8' })
    const [packed] = Object.values(JSON.parse(printed) as Readonly<Record<string, NpmPacked>>)
    const { version, filename, size, unpackedSize, files } = packed!
    const file = join(folder, filename)
    return { name: packed!.name, version, file, bytes: size, unpackedBytes: unpackedSize, contents: files }
  })
}
