import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CONSUMERS } from '../../src/cli/project/project.ts'
import { version } from '../../src/package-files.ts'
import { runCommand } from '../support/command-line.ts'

const COMMON = ['.gitignore', 'package.json', 'publish.ts', 'tidegate.config.ts', 'tsconfig.json']

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-init-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

const init = (...args: string[]) => runCommand('init', folder, '--no-install', ...args)
const read = (name: string) => readFile(join(folder, name), 'utf8')
const manifest = async () => JSON.parse(await read('package.json'))

describe('tidegate init', () => {
  test.each([
    ['plain', ['index.html', 'page.ts'], ['vite']],
    ['react', ['index.html', 'page.tsx'], ['vite', 'react']],
    ['node', ['listen.ts'], []],
  ])('X-INIT-1 --page %s - writes what such a project has', async (page, files, packages) => {
    const { code, out } = await init('--page', page)
    expect(code).toBe(0)
    expect(await readdir(folder)).toEqual([...COMMON, ...files].sort())
    const { dependencies, devDependencies, scripts } = await manifest()
    expect(Object.keys({ ...dependencies, ...devDependencies })).toEqual(expect.arrayContaining(packages))
    expect(dependencies).toMatchObject({ tidegate: `^${version()}`, '@tidegate/client': `^${version()}` })
    expect(scripts.start).toBe('tidegate start')
    expect(out).not.toContain('type=module')
    for (const step of ['npm install', 'npx tidegate start', 'npx tsx publish.ts']) expect(out).toContain(`  ${step}\n`)
  })

  test.each(CONSUMERS)('X-INIT-5 --page %s - compiles modules of Node and `await using`', async (page) => {
    await init('--page', page)
    const { compilerOptions } = JSON.parse(await read('tsconfig.json'))
    expect(compilerOptions).toMatchObject({ lib: expect.arrayContaining(['ESNext.Disposable']), types: ['node'] })
    expect((await manifest()).devDependencies).toHaveProperty('@types/node')
  })

  test('X-INIT-1 a new folder - is made, and its name is one that npm allows', async () => {
    expect(await runCommand('init', join(folder, '.My Stream!'), '--no-install')).toMatchObject({ code: 0 })
    expect(JSON.parse(await read('.My Stream!/package.json')).name).toBe('my-stream')
  })

  test('X-INIT-2 a file that exists - is named, and nothing is written', async () => {
    await writeFile(join(folder, 'tidegate.config.ts'), 'mine')
    await mkdir(join(folder, 'publish.ts'))
    const { code, err } = await init()
    expect(code).toBe(1)
    expect(err).toContain(`publish.ts, tidegate.config.ts in ${folder} would be replaced. Nothing was written`)
    expect((await readdir(folder)).sort()).toEqual(['publish.ts', 'tidegate.config.ts'])
    expect(await read('tidegate.config.ts')).toBe('mine')
  })

  test('X-INIT-6 a folder that cannot be written - is named, with what to do', async () => {
    await writeFile(join(folder, 'shop'), '')
    const { code, err } = await runCommand('init', join(folder, 'shop', 'new'), '--no-install')
    expect(code).toBe(1)
    expect(err).toMatch(
      /The folder .*shop\/new cannot be written: it is a file, or below one: .* or name another one\. \(E/,
    )
  })

  test('X-INIT-2 a package.json and a .gitignore - stay, and what is lacking is added by the package manager', async () => {
    const mine = '{ "dependencies": { "tidegate": "1" }, "devDependencies": { "zod": "4" } }'
    await writeFile(join(folder, 'package.json'), mine)
    await writeFile(join(folder, '.gitignore'), 'mine')
    vi.stubEnv('npm_config_user_agent', 'pnpm/10.0.0 npm/? node/v22.0.0')
    const { code, out } = await init('--page', 'node')
    expect(code).toBe(0)
    expect([await read('package.json'), await read('.gitignore')]).toEqual([mine, 'mine'])
    expect(out).toMatch(/^ {2}pnpm add "@tidegate\/client@.*" "ws@.*"$/m)
    expect(out).toMatch(/^ {2}pnpm add -D "@types\/node@.*" "tsx@.*" "typescript@.*"$/m)
    expect(out).not.toMatch(/"(zod|tidegate)@/)
    expect(out).toContain('npm pkg set type=module')
  })

  test('X-INIT-3 --page - is plain in no terminal; another value is refused', async () => {
    expect(await init('--page', 'vue')).toMatchObject({
      code: 2,
      err: expect.stringContaining(`--page vue: it must be ${CONSUMERS.join(', ')}`),
    })
    expect(await readdir(folder)).toEqual([])
    expect(await init()).toMatchObject({ code: 0 })
    expect(existsSync(join(folder, 'page.ts'))).toBe(true)
  })

  test('X-INIT-4 the install - runs with the package manager that runs it; if it fails, it says what to run again', async () => {
    const bin = join(folder, 'bin')
    await mkdir(bin)
    await writeFile(join(bin, 'yarn'), '#!/bin/sh\necho "$@" > installed; exit 3')
    await chmod(join(bin, 'yarn'), 0o755)
    vi.stubEnv('PATH', [bin, process.env.PATH].join(delimiter))
    vi.stubEnv('npm_config_user_agent', 'yarn/4.0.0 npm/? node/v22.0.0')
    const { code, err } = await runCommand('init', folder)
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('`yarn install` failed. Run it again') })
    expect(await read('installed')).toBe('install\n')
  })
})

test('X-VERSION-1 --version - is the version alone', async () => {
  expect(await runCommand('--version')).toEqual({ code: 0, out: `${version()}\n`, err: '' })
})
