import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { COMMANDS } from '../../src/cli/main.ts'
import { runCommand } from '../support/command-line.ts'

const TIDEGATE = fileURLToPath(new URL('../../bin/tidegate.js', import.meta.url))

beforeEach(() => {
  vi.stubEnv('REDIS_URL', '')
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

describe('tidegate', () => {
  test.each([['--help'], ['-h'], ['help']])('%s - lists every command, with examples', async (flag) => {
    const { code, out } = await runCommand(flag)
    expect(code).toBe(0)
    for (const [name, { summary }] of Object.entries(COMMANDS))
      expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
    expect(out).toContain('Examples:')
  })

  test.each(Object.keys(COMMANDS))('%s --help - shows its usage with examples and runs nothing', async (name) => {
    const { code, out, err } = await runCommand(name, '--help')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(new RegExp(`^tidegate ${name} `))
    expect(out).toContain('Examples:')
  })

  test('no command - prints the usage as an error', async () => {
    expect(await runCommand()).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^tidegate <command>/) })
  })

  test.each(['nope', 'constructor'])('%s - is no command, and says so before the usage', async (name) => {
    const { code, err } = await runCommand(name)
    expect(code).toBe(2)
    expect(err).toMatch(new RegExp(`^There is no command "${name}"\\.\\n\\ntidegate <command>`))
  })

  test.each([
    [['gateway', '--nope'], /^Unknown option '--nope'/],
    [['worker', 'extra'], /^Unexpected argument 'extra'/],
    [['start', '--workers', '0'], /^--workers 0: from 1 to 64/],
    [['demo', '--seed', 'x'], /^--seed x: it must be a whole number/],
    [['demo', '--url', 'x'], /^--url x: it must be an address/],
  ])('%j - is answered by what is wrong and the usage of the command', async (args, message) => {
    const { code, err } = await runCommand(...args)
    expect(code).toBe(2)
    expect(err).toMatch(message)
    expect(err).toMatch(new RegExp(`^tidegate ${args[0]} `, 'm'))
  })

  test.each([
    ['gateway', 'redis://:secret@host'],
    ['redis://:se@cret@host'],
    ['demo', '--url=x', 'redis://user:secret@host/1'],
    ['demo', '--url', 'redis://:secret@host 1'],
    ['start', '--workers', 'redis://:secret@host'],
  ])('X-START-2 X-SECRET-1 %s %s - repeats the address without its password', async (...args) => {
    const { code, err } = await runCommand(...args)
    expect(code).toBe(2)
    expect(err).toContain('redis://***@host')
    expect(err).not.toMatch(/secret|cret@/)
  })

  test.each(['gateway', 'worker', 'start'])(
    'X-START-1 %s - with too few open files says so, and does not hang',
    (name) => {
      const { status, stderr } = spawnSync(
        'sh',
        ['-c', `ulimit -n 64; exec "$0" "$@"`, process.execPath, TIDEGATE, name],
        {
          encoding: 'utf8',
          env: { ...process.env, REDIS_URL: 'redis://127.0.0.1:1' },
          timeout: 20_000,
        },
      )
      expect(status).toBe(1)
      expect(stderr).toMatch(/This process may open 64 files, and needs 144 .*Raise the limit \(ulimit -n/)
    },
  )

  test.each(['gateway', 'worker'])('%s - without REDIS_URL says that it needs one', async (name) => {
    const { code, err } = await runCommand(name)
    expect(code).toBe(1)
    expect(err).toMatch(new RegExp(`^tidegate ${name}: REDIS_URL is not set.*tidegate start`))
  })

  test('K-SET-2 gateway - a value that cannot be used is named without a stack', async () => {
    const { code, err } = await runCommand('gateway', '--port', '80000')
    expect({ code, err }).toEqual({
      code: 1,
      err: 'tidegate gateway: --port is "80000": it must be a whole number from 0 to 65535\n',
    })
  })
})
