import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { manifestOf, PUBLISHED } from '../packages.ts'
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
  const workspaces = PUBLISHED.flatMap((name) => ['-w', name])
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder, ...workspaces]
  // A list, or from npm 11 on an object by name.
  const printed = JSON.parse(execFileSync('npm', args, { cwd: REPOSITORY, encoding: 'utf8' })) as readonly NpmPacked[]
  const byName = new Map(Object.values(printed).map((packed) => [packed.name, packed]))
  return PUBLISHED.map((workspace) => {
    const { name, version, filename, size, unpackedSize, files } = byName.get(manifestOf(workspace).name)!
    const file = join(folder, filename)
    return { name, version, file, bytes: size, unpackedBytes: unpackedSize, contents: files }
  })
}
