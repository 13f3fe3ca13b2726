import { BUNDLES, bundleSize } from '../bundle-size.ts'
import type { Packed } from '../release/pack.ts'

interface Size {
  readonly what: string
  readonly bytes: number
  readonly limit: number
}

/** Of what browsers load, and of the package of the server. */
export async function sizes(packages: readonly Packed[]): Promise<Size[]> {
  const bundles = BUNDLES.map(async ({ what, code, limit }) => ({
    what,
    bytes: await bundleSize(code, 'built'),
    limit,
  }))
  const { bytes } = packages.find(({ name }) => name === 'tidegate')!
  return [...(await Promise.all(bundles)), { what: 'tidegate.tgz', bytes, limit: 2_000_000 }]
}

export function described({ what, bytes, limit }: Size): string {
  const kilobytes = (count: number) => `${(count / 1_000).toFixed(1)} kB`
  return `${what}: ${kilobytes(bytes)}, ${bytes > limit ? 'OVER' : 'within'} ${kilobytes(limit)}`
}
