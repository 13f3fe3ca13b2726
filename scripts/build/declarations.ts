import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import ts from 'typescript'
import { entrySources, manifestOf } from '../packages.ts'
import { REPOSITORY } from '../source-files.ts'

/** `from './x.ts'` and `import("./x.ts")`, by which tsc writes a type that it inferred. */
const OWN_IMPORT = /(from |import\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g

/**
 * Writes the declarations of packages into their `dist`: of what can be imported, and of what that refers to. One
 * program for all of them, since reading and checking the sources is what takes time.
 */
export function buildDeclarations(folders: readonly string[]): void {
  const entries = folders.flatMap((folder) =>
    entrySources(manifestOf(folder)).map((source) => posix.join(folder, source)),
  )
  const declarations = declare(entries)
  for (const source of reachable(entries, declarations)) {
    const file = join(REPOSITORY, source.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts'))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, declarations.get(source)!.replaceAll(OWN_IMPORT, '$1$2$3.js$2'))
  }
}

/** Path of a source -> its declarations. @throws when the compiler cannot tell them */
function declare(entries: readonly string[]): ReadonlyMap<string, string> {
  const { config } = ts.readConfigFile(join(REPOSITORY, 'tsconfig.json'), ts.sys.readFile) as { config: object }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, REPOSITORY)
  const program = ts.createProgram(
    entries.map((entry) => join(REPOSITORY, entry)),
    { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true, noCheck: true, rootDir: REPOSITORY },
  )
  const texts = new Map<string, string>()
  const { diagnostics } = program.emit(undefined, (_, text, __, ___, sources) => {
    texts.set(relative(REPOSITORY, sources![0]!.fileName).replaceAll('\\', '/'), text)
  })
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost(options)))
  return texts
}

function reachable(entries: readonly string[], declarations: ReadonlyMap<string, string>): ReadonlySet<string> {
  const seen = new Set<string>()
  const visit = (source: string) => {
    if (seen.has(source)) return
    seen.add(source)
    for (const [, , , imported] of declarations.get(source)!.matchAll(OWN_IMPORT))
      visit(posix.join(posix.dirname(source), `${imported}.ts`))
  }
  for (const entry of entries) visit(entry)
  return seen
}
