import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const REPOSITORY = fileURLToPath(new URL('../', import.meta.url))

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

const PACKAGES = ['protocol', 'server', 'client-sdk', 'dashboard', 'load-tests']
const OTHER_FOLDERS = ['scripts', 'examples']
const NOT_SOURCES = new Set(['node_modules', 'dist', '.tidegate'])

/** Everything written in this repository with one of the endings, in its own folders. */
export function sourceFiles(...endings: string[]): SourceFile[] {
  return sourceFilesOf(REPOSITORY, ...endings)
}

/** The same of another copy of the repository, which may lack a folder. */
export function sourceFilesOf(root: string, ...endings: string[]): SourceFile[] {
  return [...PACKAGES, ...OTHER_FOLDERS]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap(filesUnder)
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .map((file) => ({
      path: relative(root, file).replaceAll('\\', '/'),
      text: readFileSync(file, 'utf8'),
    }))
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_SOURCES.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesUnder(path) : [path]
  })
}
