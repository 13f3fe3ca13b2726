import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type * as Staleness from '../../../scripts/build/staleness.js'
import { REPOSITORY } from '../../../scripts/source-files.ts'

const BUILD_BEGAN = new Date('2026-01-01T12:00:00Z')
const BEFORE = new Date('2026-01-01T11:00:00Z')
const SOURCES = ['protocol/src', 'client-sdk/src', 'server/src', 'scripts/build'] as const

let clone: string
let built: typeof Staleness
beforeAll(async () => {
  clone = mkdtempSync(join(tmpdir(), 'tidegate-clone-'))
  for (const folder of SOURCES) mkdirSync(join(clone, folder, 'room'), { recursive: true })
  // It looks at the repository that it is in.
  const copy = join(clone, 'scripts/build/staleness.js')
  cpSync(join(REPOSITORY, 'scripts/build/staleness.js'), copy)
  writeFileSync(join(clone, 'package.json'), '{ "type": "module" }')
  built = await import(pathToFileURL(copy).href)
})
afterAll(() => rmSync(clone, { recursive: true, force: true }))

const written = (path: string, at: Date) => utimesSync(join(clone, path), at, at)

beforeEach(() => {
  for (const folder of SOURCES) {
    writeFileSync(join(clone, folder, 'room/a.ts'), '')
    for (const path of ['room/a.ts', 'room', '']) written(join(folder, path), BEFORE)
  }
  written('scripts/build/staleness.js', BEFORE)
  built.packagesAreBuilt(BUILD_BEGAN)
})

test('PK-CLONE-1 what was built from all that is written is not stale', () => {
  expect(built.arePackagesStale()).toBe(false)
})

test.each(SOURCES)('PK-CLONE-1 what is written in %s later, or removed or renamed, makes it stale', (folder) => {
  written(join(folder, 'room/a.ts'), new Date(BUILD_BEGAN.getTime() + 1))
  expect(built.arePackagesStale()).toBe(true)
  written(join(folder, 'room/a.ts'), BEFORE)
  expect(built.arePackagesStale()).toBe(false)
  renameSync(join(clone, folder, 'room/a.ts'), join(clone, folder, 'room/b.ts'))
  expect(built.arePackagesStale()).toBe(true)
  rmSync(join(clone, folder, 'room/b.ts'))
  expect(built.arePackagesStale()).toBe(true)
})

test('PK-CLONE-1 what is gone before it is looked at makes it stale', () => {
  const link = join(clone, 'server/src/room/.#a.ts')
  symlinkSync('nowhere', link)
  expect(built.arePackagesStale()).toBe(true)
  rmSync(link)
})

test('PK-CLONE-1 nothing is built until all is', () => {
  built.packagesAreBeingBuilt()
  expect(built.arePackagesStale()).toBe(true)
})
