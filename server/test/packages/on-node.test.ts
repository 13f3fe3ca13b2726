import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkOnNode } from '../../../scripts/install-check/on-node.ts'
import { nodeOfVersion } from '../../../scripts/install-check/place.ts'
import { packAll } from '../../../scripts/release/pack.ts'
import { buildIfStale } from './installed-tree.ts'

/** An install, a compiler and a deployment, beside another file of such tests. */
const TIMEOUT_MS = 180_000
const VERSIONS = ['22', '24']

let folder: string
let tarballs: string
beforeAll(() => {
  buildIfStale()
  folder = mkdtempSync(join(tmpdir(), 'tidegate-tarballs-'))
  tarballs = packAll(folder)
    .map(({ file }) => file)
    .join(' ')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Without a registry there is no other Node. */
function isThere(version: string): boolean {
  try {
    return nodeOfVersion(version) !== ''
  } catch {
    return false
  }
}

describe.skipIf(!process.env.CI && !VERSIONS.every(isThere))('packages installed by npm', () => {
  test.each(VERSIONS)(
    'PK-NODE-1 PK-LOAD-1 compile, start, publish and listen on Node %s',
    async (version) => {
      const found = await checkOnNode(version, tarballs)
      expect(found).toContain(`node ${version}: installs, loads, compiles, starts, publishes, listens`)
      if (version === '22' && process.platform === 'linux') expect(found).toContain('gateways on uWebSockets.js')
    },
    TIMEOUT_MS,
  )
})
