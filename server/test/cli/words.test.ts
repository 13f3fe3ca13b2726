import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { COMMANDS } from '../../src/cli/main.ts'
import { usageWords } from '../../src/cli/usage/usage-words.ts'
import { runCommand } from '../support/command-line.ts'

beforeEach(() => {
  vi.stubEnv('REDIS_URL', '')
})
afterEach(() => vi.unstubAllEnvs())

describe('did you mean', () => {
  it.each([
    [['strat'], /^There is no command "strat"\. Did you mean "start"\?\n\ntidegate <command>/],
    [['deadletter'], /^There is no command "deadletter"\. Did you mean "dead-letter"\?\n\n/],
    [['Start'], /^There is no command "Start"\. Did you mean "start"\?\n\n/],
    [['nope'], /^There is no command "nope"\.\n\n/],
    [['key', 'lst'], /^There is no `tidegate key lst`\. Did you mean "list"\?\n\ntidegate key create/],
    [['start', '--potr', '9'], /^Unknown option '--potr'\. Did you mean "--port"\?\n\ntidegate start/],
    [['revoke', '--dys', '9'], /^Unknown option '--dys'\. Did you mean "--days"\?\n\n/],
    [['start', '--frobnicate'], /^Unknown option '--frobnicate'\.\n\n/],
  ])('X-MEANT-1 %j - ends with 2 and asks', async (args, message) => {
    const { code, out, err } = await runCommand(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
  })
})

describe('completion', () => {
  it('X-COMPLETE-1 bash completes commands, actions and options, and offers files elsewhere', async () => {
    const { code, out } = await runCommand('completion', 'bash')
    expect(code).toBe(0)
    const complete = (...words: string[]) =>
      execFileSync(
        'bash',
        [
          '-c',
          `${out}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tidegate; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          ...words,
        ],
        { encoding: 'utf8' },
      )
        .split('\n')
        .filter((line) => line !== '')
    expect(complete('tidegate', 'do')).toEqual(['doctor'])
    expect(complete('tidegate', '')).toEqual([...Object.keys(COMMANDS), '--help', '--version'])
    expect(complete('tidegate', 'key', '')).toEqual(['create', 'list', 'revoke'])
    expect(complete('tidegate', 'key', 'list', '--j')).toEqual(['--json'])
    expect(complete('tidegate', 'start', '--work')).toEqual(['--workers'])
    expect(complete('tidegate', 'start', '--config', '')).toEqual([])
  })

  it.each(['bash', 'zsh', 'fish'])('X-COMPLETE-1 %s - has the words of every usage', async (shell) => {
    const { out } = await runCommand('completion', shell)
    for (const [name, { load }] of Object.entries(COMMANDS)) {
      const { actions, options } = usageWords((await load()).usage)
      const words = shell === 'fish' ? options.map((option) => `-l ${option.slice(2)}`) : options
      for (const word of [name, ...actions, ...words]) expect(out).toContain(word)
    }
  })

  it('X-COMPLETE-1 without a shell it knows ends with 2', async () => {
    for (const args of [[], ['powershell'], ['bash', 'zsh']]) {
      expect(await runCommand('completion', ...args)).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringMatching(/^say one shell: bash, zsh, fish/),
      })
    }
  })
})
