import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { REPOSITORY } from './source-files.ts'

/**
 * What pages load of the client, and how many bytes it may be, minified and with gzip: what was reached, and little more.
 * The README of the client says the same.
 */
export const BUNDLES = [
  {
    what: 'client, subscribing only',
    code: `import { createSubscriber } from '@tidegate/client/subscribe'
createSubscriber({ url: location.origin }).subscribe('a', console.log)`,
    limit: 13_000,
  },
  {
    what: 'client, subscribing and asking',
    code: `import { createReader } from '@tidegate/client/subscribe'
createReader({ url: location.origin }).subscribe('a', console.log)`,
    limit: 14_400,
  },
  { what: 'client, everything', code: "export * from '@tidegate/client'", limit: 25_200 },
] as const

/** Bytes of a module bundled for browsers, minified, gzip. @param of what it imports: the sources, or what was built */
export async function bundleSize(code: string, of: 'sources' | 'built'): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: join(REPOSITORY, 'server') },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Chunks without effects of their own; of a package in node_modules esbuild says nothing.
    logOverride: { 'ignored-bare-import': 'silent' },
    // The paths of the repository lead to sources; an application does not have them.
    ...(of === 'built' ? { tsconfigRaw: {} } : { tsconfig: join(REPOSITORY, 'tsconfig.json') }),
  })
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length
}
