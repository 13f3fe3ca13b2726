import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import demo from '../../src/demo/demo.config.ts'
import { TidegateProcess } from '../support/tidegate-process.ts'

const pathOf = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-config-'))
  await mkdir(join(folder, 'node_modules'))
  await symlink(pathOf('server'), join(folder, 'node_modules', 'tidegate'))
  await symlink(pathOf('node_modules/zod'), join(folder, 'node_modules', 'zod'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('config file', () => {
  test.each([
    ['"type": "module"', '{ "type": "module" }'],
    ['"type": "commonjs"', '{ "type": "commonjs" }'],
    ['no package.json', undefined],
  ])('K-FILE-1 load - works beside %s', async (_, packageJson) => {
    const file = join(folder, 'tidegate.config.ts')
    await writeFile(file, await readFile(pathOf('examples/tidegate.config.ts')))
    if (packageJson !== undefined) await writeFile(join(folder, 'package.json'), packageJson)
    const contract = new TidegateProcess(['contract', '--json', '--config', file])
    const { code } = await contract.ended
    expect({ code, output: contract.output }).toEqual({ code: 0, output: expect.stringContaining(demo.contract.hash) })
  })
})
