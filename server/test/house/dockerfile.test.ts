import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { VARIABLES } from '../../src/config/settings/settings.ts'

const read = (file: string) => readFileSync(join(REPOSITORY, file), 'utf8')
const dockerfile = read('Dockerfile')
const ignored = read('.dockerignore')
  .split('\n')
  .filter((line) => line !== '')
/** Instructions, with what is continued on further lines. */
const instructions = dockerfile
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line))
const manifestOf = (folder: string) => JSON.parse(read(join(folder, 'package.json')))

/** Everything that is copied from the repository. */
const copied = instructions
  .filter((line) => /^COPY (?!--from)/.test(line))
  .flatMap((line) => line.split(/\s+/).slice(1, -1))

describe('Dockerfile', () => {
  test('base - is pinned to a version that is supported', () => {
    const [, version] = /^FROM node:(\S+)-bookworm-slim AS base$/m.exec(dockerfile)!
    expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    const [major] = version!.split('.')
    expect(Number(major)).toBeGreaterThanOrEqual(Number(/\d+/.exec(manifestOf('server').engines.node)![0]))
    expect(instructions.filter((line) => /^FROM (?!base|manifests|node:)/.test(line))).toEqual([])
  })

  test('layers - the packages depend on the manifests alone, of every workspace', () => {
    const before = dockerfile.slice(0, dockerfile.indexOf('npm ci'))
    const manifests = (manifestOf('.').workspaces as string[]).map((workspace) => `${workspace}/package.json`)
    for (const manifest of ['package.json', 'package-lock.json', ...manifests]) expect(before).toContain(manifest)
    expect(before).not.toContain('COPY . .')
  })

  test('files - that are copied exist, and .dockerignore leaves them in', () => {
    expect(copied.filter((file) => !existsSync(join(REPOSITORY, file)))).toEqual([])
    expect(copied.filter((file) => ignored.some((line) => file === line || file.startsWith(`${line}/`)))).toEqual([])
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', '.git']))
  })

  test('image - has what the published packages have', () => {
    const final = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
    for (const folder of ['server', 'client-sdk', 'protocol']) {
      const files = (manifestOf(folder).files as string[]).filter((file) => !file.endsWith('.md'))
      for (const file of files) expect(final).toContain(` ${folder}/${file}`)
    }
    for (const peer of Object.keys(manifestOf('server').peerDependencies)) {
      expect(final).toContain(`node_modules/${peer} node_modules/${peer}`)
    }
  })

  test('process - is not root, and starts a file that exists', () => {
    const [, user] = /^USER (\d+):\d+$/m.exec(dockerfile)!
    expect(Number(user)).toBeGreaterThan(0)
    const entrypoint = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as string[]
    expect(existsSync(join(REPOSITORY, entrypoint[1]!))).toBe(true)
    expect(dockerfile).toContain(`EXPOSE ${VARIABLES.port.fallback} `)
  })
})
