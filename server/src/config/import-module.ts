import { pathToFileURL } from 'node:url'
import { IS_BUILT } from '../package-files.ts'

/** Imports a file of the application, TypeScript or JavaScript, ES module or CommonJS. */
export async function importModule(file: string): Promise<{ readonly default?: unknown }> {
  if (IS_BUILT) await readTypeScript()
  return import(pathToFileURL(file).href)
}

/** By tsx on every Node: what its own stripping of types refuses would depend on the version. A clone has it already. */
async function readTypeScript(): Promise<void> {
  const [commonJs, esm] = await Promise.all([import('tsx/cjs/api'), import('tsx/esm/api')])
  commonJs.register()
  esm.register()
}

/** The default export. Where the file is CommonJS to Node, its exports are themselves that, and may have one. */
export function defaultsOf({ default: exported }: { readonly default?: unknown }): readonly unknown[] {
  const inner =
    typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : undefined
  return [exported, inner]
}
