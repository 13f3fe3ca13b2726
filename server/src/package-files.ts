import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(import.meta.url)

/** Whether this is what was built, and not the sources. */
export const IS_BUILT = HERE.endsWith('.js')

const PACKAGE = packageOf(dirname(HERE))
const CODE = join(PACKAGE, IS_BUILT ? 'dist' : 'src')

/** The `tidegate` command. */
export const COMMAND = join(PACKAGE, 'bin/tidegate.js')
/** The page, built. */
export const PAGE = join(PACKAGE, 'dist/dashboard')
/** The config that runs where there is no other. */
export const DEMO_CONFIG = join(CODE, IS_BUILT ? 'demo/demo.config.js' : 'demo/demo.config.ts')
/** Scripts in Lua. */
export const LUA = join(CODE, 'bus/lua')
/** What `tidegate init` writes. */
export const TEMPLATES = join(PACKAGE, 'templates')

interface Manifest {
  readonly version: string
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** The version of this package. */
export function version(): string {
  return manifest().version
}

/** The versions of a package that this one leaves to the project it is installed in. */
export function peerRange(name: 'zod'): string {
  return manifest().peerDependencies[name]!
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as Manifest
}

/** The folder of the package that a folder belongs to. */
function packageOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : packageOf(dirname(folder))
}
