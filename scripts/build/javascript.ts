import { join } from 'node:path'
import { build } from 'esbuild'
import { entrySources, manifestOf } from '../packages.ts'
import { REPOSITORY } from '../source-files.ts'

/** Browsers as Vite takes them by default, and every Node that is supported. */
const TARGET = 'es2022'
/** What a package runs beside what it lets others import. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = { server: ['src/cli/run.ts', 'src/demo/demo.config.ts'] }

/**
 * Bundles the modules of a package into its `dist`, with what they share in chunks. Other packages stay imports: an
 * installed one is there once, whoever uses it.
 */
export async function buildJavaScript(folder: string): Promise<void> {
  const root = join(REPOSITORY, folder)
  await build({
    absWorkingDir: root,
    entryPoints: [...entrySources(manifestOf(folder)), ...(PROGRAMS[folder] ?? [])],
    outbase: 'src',
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: TARGET,
    packages: 'external',
    // The paths of the repository would lead from one package into the sources of another.
    tsconfigRaw: {},
    logLevel: 'warning',
  })
}
