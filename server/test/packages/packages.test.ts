import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../support/command-line.ts'
import { TidegateProcess } from '../support/tidegate-process.ts'
import { installPackages } from './installed-tree.ts'

const MAX_BYTES = 2_000_000
const STRICT_TYPES = readFileSync(new URL('./strict-types.json', import.meta.url), 'utf8')
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
    const names = ['tidegate', '@tidegate/client', '@tidegate/client/node', '@tidegate/protocol']
    const script = `
      for (const name of ${JSON.stringify(names)})
        if (Object.keys(await import(name)).join() !== Object.keys(require(name)).join()) throw new Error(name)
      const client = require('@tidegate/client').createClient({ url: 'http://127.0.0.1:1' })
      console.log(client.status)
      await client.close({ deadlineMs: 0 })`
    expect(node(['-e', `(async () => {${script}})()`])).toBe('connecting\n')
  })

  test('PK-TYPES-1 X-INIT-1 declarations and what init writes compile under the strictest flags, without types of Node', () => {
    writeFileSync(join(folder, 'strict.json'), STRICT_TYPES)
    const tsc = new URL('../../../node_modules/typescript/bin/tsc', import.meta.url)
    expect(node([tsc.pathname, '-p', 'strict.json'])).toBe('')
  })

  test('PK-RUN-1 PK-ZOD-1 X-INIT-1 tidegate start runs the config that init wrote, serves the page and stores events', async () => {
    const command = join(folder, 'node_modules/tidegate/bin/tidegate.js')
    const config = join(folder, 'tidegate.config.ts')
    const started = new TidegateProcess(
      ['start', '--port', '0', '--data', join(folder, 'data'), '--config', config],
      {},
      command,
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
