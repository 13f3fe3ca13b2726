import { posix } from 'node:path'
import ts from 'typescript'
import { entriesOf, type Manifest } from './packages.ts'
import { REPOSITORY, type SourceFile, sourceFilesOf } from './source-files.ts'

export interface Module {
  /** From the root of the repository. */
  readonly path: string
  /** Paths of the repository's own modules it imports, types included. */
  readonly modules: readonly string[]
  /** Names of the packages it imports, without what follows the name; Node's own modules are left out. */
  readonly packages: readonly string[]
}

/** Modules under the `src` folders of a copy of the repository and what each imports: static, dynamic and type-only alike. */
export function importGraph(root = REPOSITORY): ReadonlyMap<string, Module> {
  const sources = sourceFilesOf(root, '.ts', '.tsx', '.js').filter(({ path }) => /^[^/]+\/(src|bin)\//.test(path))
  const packages = ownPackages(root)
  return new Map(sources.map((source) => [source.path, moduleOf(source, packages)]))
}

/** What the names of this workspace's packages stand for: `@tidegate/client/node` -> `client-sdk/src/node.ts`. */
function ownPackages(root: string): ReadonlyMap<string, string> {
  const manifests = sourceFilesOf(root, '/package.json')
  const entries = manifests.flatMap(({ path, text }) =>
    entriesOf(JSON.parse(text) as Manifest).map(
      ({ specifier, source }) => [specifier, posix.join(posix.dirname(path), source)] as const,
    ),
  )
  return new Map(entries)
}

function moduleOf({ path, text }: SourceFile, own: ReadonlyMap<string, string>): Module {
  const modules = new Set<string>()
  const packages = new Set<string>()
  for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
    const module = own.get(fileName)
    if (module !== undefined) modules.add(module)
    else if (fileName.startsWith('.')) modules.add(posix.join(posix.dirname(path), fileName))
    else if (!fileName.startsWith('node:')) packages.add(packageOf(fileName))
  }
  return { path, modules: [...modules], packages: [...packages] }
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Every module that loading `entry` may load, itself included. */
export function reachable(graph: ReadonlyMap<string, Module>, entry: string): ReadonlySet<string> {
  const seen = new Set<string>()
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const next of graph.get(path)?.modules ?? []) visit(next)
  }
  visit(entry)
  return seen
}

/** One import cycle as the paths round it, the first repeated at the end; undefined when there is none. */
export function findCycle(graph: ReadonlyMap<string, Module>): readonly string[] | undefined {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (current: string): string[] | undefined => {
    const start = path.indexOf(current)
    if (start >= 0) return [...path.slice(start), current]
    if (done.has(current)) return undefined
    path.push(current)
    for (const next of graph.get(current)?.modules ?? []) {
      const cycle = visit(next)
      if (cycle !== undefined) return cycle
    }
    path.pop()
    done.add(current)
    return undefined
  }
  for (const start of graph.keys()) {
    const cycle = visit(start)
    if (cycle !== undefined) return cycle
  }
  return undefined
}
