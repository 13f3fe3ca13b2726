import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { UnknownRef, withCheckout } from '../../../scripts/structure/checkout.ts'
import { measure } from '../../../scripts/structure/measure.ts'
import { compare, describe as pageOf } from '../../../scripts/structure/tables.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** A copy of a repository with these files. */
function measured(files: Readonly<Record<string, string>>) {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return measure(root)
}

const TWO_ROOMS = {
  'server/src/own/a.ts': "import '../bus/index.ts'\nimport './b.ts'\n",
  'server/src/own/b.ts': "import '../bus/index.ts'\n",
  'server/src/bus/index.ts': "import { Redis } from 'ioredis'\n",
}

test('structure - counts what leads from one room to another, not what stays in a room', () => {
  const { rooms, mutual, cycle, outsideBus } = measured(TWO_ROOMS)
  expect(rooms.map(({ name, files, lines }) => [name, files.length, lines])).toEqual([
    ['server/src/bus', 1, 1],
    ['server/src/own', 2, 3],
  ])
  expect(rooms[1]!.imports).toEqual(new Map([['server/src/bus', 2]]))
  expect({ mutual, cycle, outsideBus }).toEqual({
    mutual: [],
    cycle: undefined,
    outsideBus: { importRedis: [], nameRedis: [] },
  })
})

test('structure - finds a cycle, rooms that import each other, and what names Redis outside the bus', () => {
  const before = measured(TWO_ROOMS)
  const after = measured({
    'server/src/bus/index.ts': "import '../own/b.ts'\n",
    'server/src/gateway/c.ts': "import { type Redis } from '../bus/index.ts'\nimport 'ioredis'\n",
  })
  expect(after.cycle).toContain('server/src/own/b.ts')
  expect(after.mutual).toEqual([['server/src/bus', 'server/src/own']])
  const path = 'server/src/gateway/c.ts'
  expect(after.outsideBus).toEqual({ importRedis: [path], nameRedis: [path] })
  expect(pageOf(after)).toContain('rooms that import each other: bus and own')
  expect(compare(before, after)).toMatch(/^ {2}gateway +- +1 files, 2 lines$/m)
})

// It reads all there is, in a process that compiles what reads it.
test('structure - as a command prints the same as JSON', { timeout: 60_000 }, () => {
  const command = ['--import', 'tsx', join(REPOSITORY, 'scripts/structure/main.ts'), '--json']
  const { stdout, status } = spawnSync(process.execPath, command, { cwd: REPOSITORY, encoding: 'utf8' })
  expect(status).toBe(0)
  const { rooms, outsideBus } = JSON.parse(stdout) as ReturnType<typeof measure>
  expect(rooms.find(({ name }) => name === 'server/src/lease')).toMatchObject({
    imports: { 'server/src/bus': expect.any(Number) },
  })
  expect(outsideBus).toEqual({ importRedis: [], nameRedis: [] })
})

test('structure - of a ref nobody knows is refused with its name', () => {
  expect(() => withCheckout('no-such-ref', measure)).toThrow(UnknownRef)
})
