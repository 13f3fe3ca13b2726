import { BUNDLES, bundleSize } from '../bundle-size.ts'
import type { Packed } from '../release/pack.ts'

const PACKAGE_BYTES = 2_000_000

/** Of what browsers load, and of the package of the server. @throws when one is over its limit */
export async function checkSizes(packages: readonly Packed[]): Promise<string[]> {
  const lines: string[] = []
  for (const { what, code, limit } of BUNDLES) lines.push(checked(what, await bundleSize(code, 'built'), limit))
  const { bytes } = packages.find(({ name }) => name === 'tidegate')!
  return [...lines, checked('tidegate.tgz', bytes, PACKAGE_BYTES)]
}

function checked(what: string, bytes: number, limit: number): string {
  const line = `${what}: ${kilobytes(bytes)} of ${kilobytes(limit)}`
  if (bytes > limit) throw new Error(`too large: ${line}`)
  return line
}

const kilobytes = (bytes: number) => `${(bytes / 1_000).toFixed(1)} kB`
