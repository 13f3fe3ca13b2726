import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import type TypeScript from 'typescript'
import type { ConfigTypes } from '../../config/contract/contract-types.ts'
import { printType } from './print-type.ts'

/** A file that is not there, beside the config: what it imports is what the config's own modules see. */
const LOOKER = '__tidegate_contract__.ts'

/** For a config without a project. */
const OPTIONS = { module: 'esnext', moduleResolution: 'bundler', target: 'es2023', strict: true } as const

/**
 * What the compiler says of a config's topics and entities: the types of functions, which are gone at run time.
 *
 * @returns `undefined` for a config that is not TypeScript, or where the package `typescript` is not installed
 */
export function readConfigTypes(configPath: string): ConfigTypes | undefined {
  const path = resolve(configPath)
  const ts = /\.[cm]?ts$/.test(path) ? loadCompiler(path) : undefined
  if (ts === undefined) return undefined
  const looker = join(dirname(path), LOOKER)
  const source = `import type config from ${JSON.stringify(path)}
export type Topics = (typeof config)['~topics']
export type Entities = (typeof config)['~entities']
`
  const options = { ...projectOptions(ts, dirname(path)), noEmit: true, allowImportingTsExtensions: true }
  const host = ts.createCompilerHost(options)
  const files = host.getSourceFile.bind(host)
  host.getSourceFile = (name, ...rest) =>
    name === looker ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2023, true) : files(name, ...rest)
  const program = ts.createProgram({ rootNames: [looker], options, host })
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(looker)!
  const exported = new Map(
    checker.getExportsOfModule(checker.getSymbolAtLocation(file)!).map((symbol) => [symbol.name, symbol]),
  )
  const typeAt = (root: 'Topics' | 'Entities', ...names: readonly string[]): string | undefined => {
    let type: TypeScript.Type | undefined = checker.getDeclaredTypeOfSymbol(exported.get(root)!)
    for (const name of names) {
      // A pane is looked at, and not its withdrawal, which has no value.
      const member = [type, ...(type.isUnion() ? type.types : [])].flatMap((one) => one.getProperty(name) ?? [])[0]
      if (member === undefined) return undefined
      type = checker.getTypeOfSymbolAtLocation(member, file)
    }
    return printType({ ts, checker, program, file }, type)
  }
  return {
    dataOf: (topic) => typeAt('Topics', topic, 'data'),
    valueOf: (window) => typeAt('Topics', window, 'data', 'value'),
    viewOf: (entity) => typeAt('Entities', entity, 'view'),
  }
}

/** That of the project in which the config lies. */
function loadCompiler(configPath: string): typeof TypeScript | undefined {
  try {
    return createRequire(configPath)('typescript') as typeof TypeScript
  } catch {
    return undefined
  }
}

function projectOptions(ts: typeof TypeScript, folder: string): TypeScript.CompilerOptions {
  const path = ts.findConfigFile(folder, ts.sys.fileExists)
  const json =
    path === undefined ? { compilerOptions: OPTIONS } : (ts.readConfigFile(path, ts.sys.readFile).config ?? {})
  const { options } = ts.parseJsonConfigFileContent(
    { ...json, files: [], include: [] },
    ts.sys,
    dirname(path ?? folder),
  )
  // Nothing is written, so what says where is of no use, and may contradict the rest.
  const { composite: _, incremental: __, declaration: ___, tsBuildInfoFile: ____, ...rest } = options
  return { ...rest, skipLibCheck: true, strict: true }
}
