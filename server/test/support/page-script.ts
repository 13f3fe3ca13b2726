import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** For pages that are answers of the API, which may not load anything. */
export const UNRESTRICTED = { bypassCSP: true }

/** What a page runs: one script. @param program a module, which may import the packages of this repository */
export async function pageScript(program: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: ROOT },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    tsconfig: `${ROOT}tsconfig.json`,
  })
  return outputFiles[0]!.text
}
