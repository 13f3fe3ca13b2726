import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  hasDebianPackages,
  plannedPackages,
  sourcesOf,
  unpackDebianPackages,
  withoutSources,
} from '../../src/supervisor/debian-package.ts'
import { buildAptRepository } from '../support/apt-repository.ts'

describe('planning', () => {
  const status = `Package: redis-tools
Status: install ok installed
Source: redis
Version: 5:7.0.15-1

Package: libc6
Status: install ok installed
Source: glibc (2.36-9)
Version: 2.36-9

Package: redis
Status: install ok installed
Version: 5:7.0.15-1
`

  test('sourcesOf - a package without a named source is its own', () => {
    expect([...sourcesOf(status)]).toEqual(['redis', 'glibc'])
  })

  test('S-UNPACK-3 withoutSources - packages built together are unpacked together, installed or not', () => {
    expect(withoutSources(status, new Set(['redis']))).toMatch(/^Package: libc6\n[\s\S]*2\.36-9$/)
  })

  test('S-UNPACK-2 plannedPackages - are those that would be installed, and never the C library', () => {
    const plan = `The following NEW packages will be installed:
  redis-server redis-tools
Inst libc6 [2.36-9] (2.36-10 Debian:12 [amd64])
Inst redis-tools (5:7.0.15-1 Debian:12 [amd64])
Inst redis-server (5:7.0.15-1 Debian:12 [amd64])
Conf redis-tools (5:7.0.15-1 Debian:12 [amd64])`
    expect(plannedPackages(plan)).toEqual(['redis-tools', 'redis-server'])
  })
})

describe.skipIf(!hasDebianPackages())('unpacking', () => {
  let folder: string
  let cache: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
    cache = join(folder, 'cache')
    const config = buildAptRepository(join(folder, 'repository'), [
      {
        name: 'tidegate-greeter',
        depends: 'tidegate-words, libc6',
        files: { 'usr/bin/greet': '#!/bin/sh\necho hello' },
      },
      { name: 'tidegate-words', files: { 'usr/lib/words/libwords.so.1': 'words' } },
    ])
    vi.stubEnv('APT_CONFIG', config)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })

  test('S-UNPACK-1 S-UNPACK-2 unpackDebianPackages - brings a package with the dependencies the machine lacks, and installs nothing', async () => {
    const { root, environment } = await unpackDebianPackages(['tidegate-greeter'], cache)
    expect(execFileSync(join(root, 'usr/bin/greet'), { encoding: 'utf8' })).toBe('hello\n')
    expect(environment).toEqual({ LD_LIBRARY_PATH: join(root, 'usr/lib/words') })
    expect(() => execFileSync('dpkg', ['-s', 'tidegate-greeter'], { stdio: 'ignore' })).toThrow()
  })

  test('S-UNPACK-4 unpackDebianPackages - several at once get one folder, whole', async () => {
    const roots = await Promise.all([1, 2, 3].map(() => unpackDebianPackages(['tidegate-greeter'], cache)))
    expect(new Set(roots.map(({ root }) => root)).size).toBe(1)
    expect(readdirSync(cache)).toHaveLength(1)
  })

  test('S-UNPACK-4 unpackDebianPackages - later calls ask nobody', async () => {
    const first = await unpackDebianPackages(['tidegate-greeter'], cache)
    vi.stubEnv('APT_CONFIG', '/nowhere')
    expect(await unpackDebianPackages(['tidegate-greeter'], cache)).toEqual(first)
  })

  test('S-UNPACK-5 unpackDebianPackages - says what apt said, and leaves nothing behind', async () => {
    await expect(unpackDebianPackages(['tidegate-nothing'], cache)).rejects.toThrow(
      /tidegate-nothing could not be unpacked: [\s\S]*No packages found/,
    )
    expect(readdirSync(cache)).toEqual([])
  })
})
