import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { canShare } from '../../../src/gateway/transport/node/listen.ts'
import type { ChoiceReport } from './choose.ts'

const CHOOSE = fileURLToPath(new URL('./choose.ts', import.meta.url))
const NO_BINARY = fileURLToPath(new URL('./no-uws-binary.cjs', import.meta.url))

/** What a process of its own chooses. */
function choose(setting: 'uws' | 'node' | undefined, hasBinary: boolean): Promise<ChoiceReport> {
  return new Promise((resolve, reject) => {
    const execArgv = [...(hasBinary ? [] : ['--require', NO_BINARY]), '--import', 'tsx']
    const child = fork(CHOOSE, setting === undefined ? [] : [setting], { execArgv })
    child.once('message', (report) => resolve(report as ChoiceReport))
    child.once('exit', (code) => reject(new Error(`ended with code ${code}`)))
  })
}

describe('createTransport', () => {
  it('T-CHOICE-1 T-CHOICE-2 without a setting and with a binary it is uWebSockets.js, and nothing is said', async () => {
    expect(await choose(undefined, true)).toEqual({ server: 'uWebSockets', lines: [], loaded: ['uWebSockets.js'] })
  })

  it('T-CHOICE-1 T-CHOICE-2 without a binary it is node:http, said in one line with reason and cost', async () => {
    const { server, lines } = await choose(undefined, false)
    expect(server).toBe('node')
    expect(lines).toEqual([expect.stringMatching(/^uWebSockets\.js has no binary for Node v.* times .* MB/)])
  })

  it('T-CHOICE-1 T-CHOICE-2 node by its name does not touch uWebSockets.js, and says what it costs', async () => {
    const { server, lines, loaded } = await choose('node', true)
    expect({ server, loaded }).toEqual({ server: 'node', loaded: ['ws'] })
    expect(lines).toEqual([expect.stringMatching(/^TIDEGATE_TRANSPORT=node.* times .* MB/)])
  })

  it('T-CHOICE-1 uws by its name without a binary is refused with what to do', async () => {
    expect((await choose('uws', false)).error).toMatch(/no binary for Node .*TIDEGATE_TRANSPORT=node/)
  })
})

describe('canShare', () => {
  it.each([
    ['linux', '20.20.2', false],
    ['linux', '22.11.0', false],
    ['linux', '22.12.0', true],
    ['linux', '24.0.0', true],
    ['darwin', '24.0.0', false],
  ])('T-LIFE-4 on %s, Node %s: %s', (platform, version, expected) => {
    expect(canShare(platform, version)).toBe(expected)
  })
})
