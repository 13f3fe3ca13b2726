import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DEMO_CONFIG } from '../package-files.ts'
import type { Config } from './define-config.ts'
import { defaultsOf, importModule } from './import-module.ts'

/** The config to use when none is named: `tidegate.config.ts` in the directory, else the built-in demo's. */
export function defaultConfigPath(directory: string): string {
  const own = resolve(directory, 'tidegate.config.ts')
  return existsSync(own) ? own : DEMO_CONFIG
}

/** Whether it is the demo's config, with which the demo's events make sense. */
export function isBuiltInConfig(path: string): boolean {
  return resolve(path) === DEMO_CONFIG
}

/**
 * Loads the default export of a config file, TypeScript or JavaScript, ES module or CommonJS.
 *
 * @param path of the file, relative to the working directory.
 * @throws {ConfigError} when the config names things that cannot be used.
 * @throws {Error} when the file cannot be loaded or exports something else; `cause` has the reason.
 */
export async function loadConfig(path: string): Promise<Config<unknown>> {
  const file = resolve(path)
  let exported: { readonly default?: unknown }
  try {
    exported = isBuiltInConfig(file) ? await import(pathToFileURL(file).href) : await importModule(file)
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'ConfigError') throw cause
    throw new Error(`${file} cannot be loaded: ${(cause as Error).message}`, { cause })
  }
  const config = defaultsOf(exported).find(isConfig)
  if (config === undefined) throw new Error(`${file} must export defineConfig({ topics: [...] }) as its default`)
  return config
}

function isConfig(value: unknown): value is Config<unknown> {
  return typeof value === 'object' && value !== null && 'contract' in value
}
