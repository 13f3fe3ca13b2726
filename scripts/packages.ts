import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { REPOSITORY } from './source-files.ts'

/** Folders of the packages that are published, each after those that it depends on. */
export const PUBLISHED = ['protocol', 'client-sdk', 'server'] as const

/** What an entry of `exports` names: a file, or one for each condition. */
type Target = string | Readonly<Record<string, string>>

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports?: Readonly<Record<string, Target>>
  readonly dependencies?: Readonly<Record<string, string>>
}

export interface Entry {
  /** As it is imported: `@tidegate/client/node`. */
  readonly specifier: string
  /** From the folder of the package. */
  readonly source: string
}

export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(REPOSITORY, folder, 'package.json'), 'utf8')) as Manifest
}

/** The modules that a package lets others import. `dist/x.js` is built from `src/x.ts`. */
export function entriesOf({ name, exports = {} }: Manifest): Entry[] {
  return Object.entries(exports).flatMap(([path, target]) => {
    const file = typeof target === 'string' ? target : target.default!
    const source = file.replace(/^\.\/dist\/(.*)\.js$/, './src/$1.ts')
    return source.endsWith('.ts') ? [{ specifier: posix.join(name, path), source }] : []
  })
}

/** Sources of everything that an import of a package may load, whatever the conditions. */
export function entrySources({ exports = {} }: Manifest): string[] {
  const files = Object.values(exports).flatMap((target) => (typeof target === 'string' ? [] : Object.values(target)))
  const built = files.flatMap((file) => /^\.\/dist\/(.*)\.js$/.exec(file)?.[1] ?? [])
  return [...new Set(built)].map((name) => `src/${name}.ts`)
}
