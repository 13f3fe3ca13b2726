import { execFileSync, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { HEAP_OPTIONS } from '../../src/heap-options.ts'
import { runCommand } from '../support/command-line.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { isRunning, processesLike, TidegateProcess, until } from '../support/tidegate-process.ts'
import { installPackages } from './installed-tree.ts'

const MAX_BYTES = 2_000_000
const STRICT_TYPES = readFileSync(new URL('./strict-types.json', import.meta.url), 'utf8')
/** The hooks of a project that registers its config. */
const HOOKS = `import { useEntity, useLatest, useWindow } from '@tidegate/client/react'
import type config from './tidegate.config.ts'
declare module '@tidegate/client/react' {
  interface Register { config: typeof config }
}
export const useAverage = (): number | undefined => useLatest('sensor.10s', { key: 'attic' }).data?.data.value.avg
export const useCounts = (): number[] => useWindow('sensor.10s').data.map(({ value }) => value.count)
// @ts-expect-error no such topic
export const useNothing = () => useLatest('sensor.nope')
// @ts-expect-error no such entity
export const useNobody = () => useEntity('user', '42')
`
/** Of the client, with nothing but the language: neither a browser nor Node. */
const CLIENT_ALONE = `import { createClient, type TokenContext } from '@tidegate/client'
export * from '@tidegate/client/subscribe'
export * from '@tidegate/client/reads'
export * from '@tidegate/client/tabs'
export * from '@tidegate/client/outbox-store'
export * from '@tidegate/client/indexeddb-outbox'
const token = ({ signal }: TokenContext): string => (signal.aborted ? '' : 'a')
export const client = createClient({ url: 'http://127.0.0.1:8080', token })
`
const READING = '{"topic":"sensor.reading","data":{"sensorId":"attic","temperature":21.5}}'

let folder: string
let contents: Readonly<Record<string, { readonly bytes: number; readonly paths: readonly string[] }>>
beforeAll(async () => {
  const installed = installPackages()
  folder = installed.folder
  contents = Object.fromEntries(
    installed.packages.map(({ name, bytes, contents }) => [name, { bytes, paths: contents.map(({ path }) => path) }]),
  )
  await runCommand('init', folder, '--page', 'node', '--no-install')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const command = () => join(folder, 'node_modules/tidegate/bin/tidegate.js')
const node = (args: readonly string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })

describe('installed packages', () => {
  test('PK-FILES-1 carry what was built, README and licence, no sources and no tests', () => {
    for (const [name, { bytes, paths }] of Object.entries(contents)) {
      const expected = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']
      expect(paths, name).toEqual(expect.arrayContaining(expected))
      expect(
        paths.filter((path) => /(^|\/)(src|test)\/|(?<!\.d)\.ts$/.test(path) && !path.startsWith('templates/')),
      ).toEqual([])
      expect(bytes).toBeLessThan(MAX_BYTES)
    }
    const needed = ['dist/dashboard/index.html', 'dist/bus/lua/append.lua', 'templates/common/gitignore']
    expect(contents.tidegate!.paths).toEqual(expect.arrayContaining(needed))
  })

  test('PK-LOAD-1 PK-SOCKET-1 every entry loads by import and by require; on Node a client has a WebSocket', () => {
    const names = [
      'tidegate',
      '@tidegate/client',
      '@tidegate/client/node',
      '@tidegate/client/react',
      '@tidegate/client/subscribe',
      '@tidegate/client/file-outbox',
      '@tidegate/client/indexeddb-outbox',
      '@tidegate/client/outbox-store',
      '@tidegate/client/tabs',
      '@tidegate/protocol',
    ]
    const script = `
      for (const name of ${JSON.stringify(names)})
        if (Object.keys(await import(name)).join() !== Object.keys(require(name)).join()) throw new Error(name)
      const client = require('@tidegate/client').createClient({ url: 'http://127.0.0.1:1', connect: true })
      console.log(client.status.get().state)
      await client.close({ deadlineMs: 0 })`
    expect(node(['-e', `(async () => {${script}})()`])).toBe('connecting\n')
  })

  test('PK-ZOD-1 the zod of a config is the one of the server', () => {
    const root = join(folder, 'node_modules/tidegate')
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect([dependencies, peerDependencies]).toEqual([
      expect.not.objectContaining({ zod: expect.anything() }),
      { zod: '^4.6.0' },
    ])
    const built = contents.tidegate!.paths.filter((path) => path.endsWith('.js'))
    const defining = built.filter((path) => readFileSync(join(root, path), 'utf8').includes('$constructor("ZodString"'))
    expect(defining).toEqual([])
  })

  test('PK-TYPES-1 X-INIT-1 C-REACT-11 declarations and what init writes compile under the strictest flags, without types of Node', () => {
    writeFileSync(join(folder, 'strict.json'), STRICT_TYPES)
    writeFileSync(join(folder, 'hooks.ts'), HOOKS)
    mkdirSync(join(folder, 'node_modules/@types'))
    symlinkSync(join(REPOSITORY, 'node_modules/@types/react'), join(folder, 'node_modules/@types/react'))
    const tsc = new URL('../../../node_modules/typescript/bin/tsc', import.meta.url)
    const compile = (config: string) =>
      spawnSync(process.execPath, [tsc.pathname, '-p', config], { cwd: folder, encoding: 'utf8' }).stdout
    expect(compile('strict.json')).toBe('')
    mkdirSync(join(folder, 'alone'))
    writeFileSync(join(folder, 'alone/client.ts'), CLIENT_ALONE)
    writeFileSync(
      join(folder, 'alone.json'),
      STRICT_TYPES.replace('"lib": ["ES2022", "DOM"]', '"lib": ["ES2022"]').replace('*.ts', 'alone/*.ts'),
    )
    expect(compile('alone.json')).toBe('')
  })

  test('C-REACT-11 a bundle has the hooks that it uses, and is for browsers alone where a server renders', async () => {
    const bundled = async (contents: string) => {
      const stdin = { contents, resolveDir: folder }
      const { outputFiles } = await build({ stdin, bundle: true, minify: true, write: false, external: ['react'] })
      return outputFiles[0]!.text
    }
    expect(await bundled("export * from '@tidegate/client/react'")).toContain('useWindow')
    const one = await bundled("import { useStatus } from '@tidegate/client/react'; console.log(useStatus)")
    expect(one.length).toBeLessThan(1_000)
    const entry = readFileSync(join(folder, 'node_modules/@tidegate/client/dist/react.js'), 'utf8')
    expect(entry).toMatch(/^["']use client["']/)
  })

  test('PK-RUN-1 X-INIT-1 tidegate start runs the config that init wrote, serves the page and stores events', async () => {
    const config = join(folder, 'tidegate.config.ts')
    const started = new TidegateProcess(
      ['start', '--port', '0', '--data', join(folder, 'data'), '--config', config],
      {},
      command(),
    )
    try {
      const url = `http://127.0.0.1:${(await started.ready()).port}`
      const page = await (await fetch(url)).text()
      const [script] = /assets\/[^"]+\.js/.exec(page)!
      expect((await fetch(`${url}/${script}`)).status).toBe(200)
      const headers = { 'content-type': 'application/json' }
      expect((await fetch(`${url}/v1/events`, { method: 'POST', headers, body: READING })).status).toBe(200)
      expect(started.children(/installed.*\/bin\/tidegate\.js (gateway|worker)/)).toHaveLength(2)
    } finally {
      expect(await started.stop()).toEqual({ code: 0, signal: null })
    }
  })
})

describe('an installed gateway that was started without the options of its heap', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startTestRedis()
  })
  afterAll(() => redis.close())

  /** The address tells its processes from those of other tests. */
  async function started(host: string) {
    const child = fork(command(), ['gateway', '--port', '0', '--host', host], {
      env: { ...process.env, REDIS_URL: redis.url, TIDEGATE_LOG_LEVEL: 'silent' },
      execArgv: [],
    })
    const [message] = (await once(child, 'message')) as [{ readonly type: string; readonly port?: number }]
    const [running] = processesLike(new RegExp(`${HEAP_OPTIONS.at(-1)} .*gateway --port 0 --host ${host}$`))
    return { child, message, running: running! }
  }

  test('S-CHILD-7 runs with them, tells its parent when it is ready, and ends upon a signal with its code', async () => {
    const { child, message, running } = await started('127.0.0.7')
    expect(running).toBeGreaterThan(0)
    expect(message).toEqual({ type: 'ready', port: expect.any(Number) })
    expect((await fetch(`http://127.0.0.7:${message.port}/livez`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(isRunning(running)).toBe(false)
  })

  test('S-CHILD-7 ends when it is killed', async () => {
    const { child, running } = await started('127.0.0.8')
    child.kill('SIGKILL')
    await until(() => !isRunning(running), 'nothing is left of it')
  })
})
