import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Packed } from '../release/pack.ts'
import { REPOSITORY } from '../source-files.ts'

interface Size {
  readonly what: string
  readonly bytes: number
  readonly limit: number
}

const SUBSCRIBE_ONLY = `import { createClient } from '@tidegate/client'
createClient({ url: location.origin }).subscribe('a', {}, console.log)`
const EVERYTHING = "export * from '@tidegate/client'"

/** Of what browsers load, and of the package of the server. */
export async function sizes(packages: readonly Packed[]): Promise<Size[]> {
  return [
    { what: 'client, one subscription, minified, gzip', bytes: await gzipped(SUBSCRIBE_ONLY), limit: 8_000 },
    { what: 'client, everything, minified, gzip', bytes: await gzipped(EVERYTHING), limit: 12_000 },
    { what: 'tidegate.tgz', bytes: packages.find(({ name }) => name === 'tidegate')!.bytes, limit: 2_000_000 },
  ]
}

export function described({ what, bytes, limit }: Size): string {
  const kilobytes = (count: number) => `${(count / 1_000).toFixed(1)} kB`
  return `${what}: ${kilobytes(bytes)}, ${bytes > limit ? 'OVER' : 'within'} ${kilobytes(limit)}`
}

async function gzipped(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(REPOSITORY, 'server') },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    // What was built, as an application gets it.
    tsconfigRaw: {},
  })
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length
}
