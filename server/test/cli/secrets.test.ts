import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { readSettings } from '../../src/config/settings/settings.ts'
import { createLog } from '../../src/observability/log.ts'
import { withoutSecrets } from '../../src/secrets.ts'
import { useRedis } from '../support/use-redis.ts'

const PASSWORD = 'p"ss/w0rd'
const LAST_WORDS = fileURLToPath(new URL('../../src/cli/last-words.ts', import.meta.url))
const { redis } = await useRedis()

function logged(what: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = []
  what(createLog('info', 'gw', 'gateway', { write: (line: string) => lines.push(line) }))
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({ node: 'gw' })
  return lines[0]!
}

describe('secrets', () => {
  it('X-SECRET-1 the password of Redis is in no line of the log, raw or encoded, and other text of it stays', () => {
    readSettings({}, { REDIS_URL: `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:6379/0` })
    const line = logged((log) =>
      log.warn(
        { err: new Error(`cannot reach ${PASSWORD}`), address: encodeURIComponent(PASSWORD) },
        `${PASSWORD}, left`,
      ),
    )
    expect(JSON.stringify(JSON.parse(line))).not.toContain(JSON.stringify(PASSWORD).slice(1, -1))
    expect(line).not.toContain(encodeURIComponent(PASSWORD))
    expect(JSON.parse(line)).toMatchObject({ msg: '***, left', address: '***', err: { message: 'cannot reach ***' } })
  })

  it('X-SECRET-1 the secret of tokens is in no line of the log', () => {
    const secret = 'a secret of tokens with 32 bytes and more'
    readSettings({}, { TIDEGATE_JWT_SECRET: secret })
    expect(logged((log) => log.warn(`with ${secret}`))).toContain('"msg":"with ***"')
  })

  test.each([
    ['E: http://proxy:hunter2@10.0.0.1:3128 is not available', 'E: http://***@10.0.0.1:3128 is not available'],
    ['redis://:se@cret@host', 'redis://***@host'],
    ['mail to ann@example.org', 'mail to ann@example.org'],
  ])('X-SECRET-1 withoutSecrets - %s', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown)
  })

  it('X-SECRET-2 of an error the log has message, code, stack and causes, and not what a library keeps in it', () => {
    const cause = Object.assign(new Error('read'), { code: 'ECONNRESET', args: ['events'] })
    const error = Object.assign(new TypeError('no', { cause }), { command: { name: 'auth', args: ['events'] } })
    const line = logged((log) => log.error({ err: error }, 'defect'))
    expect(line).not.toContain('"events"')
    expect(JSON.parse(line).err).toMatchObject({ type: 'TypeError', message: 'no', cause: { code: 'ECONNRESET' } })
    expect(JSON.parse(line).err.stack).toContain('secrets.test.ts')
  })

  it.each(['{"card":"4711"', 'card 4711', '"4711', '[4711 4711]'])(
    'X-SECRET-2 %s is no JSON, and not quoted',
    (text) => {
      let error: unknown
      try {
        JSON.parse(text)
      } catch (thrown) {
        error = thrown
      }
      const line = logged((log) => log.error({ err: error }, 'defect'))
      expect(line).not.toContain('4711')
      expect(line).toContain('SyntaxError')
    },
  )

  it('X-SECRET-2 an error that nobody caught ends the process with 1, and shows no more', () => {
    const script = `import { endWithoutSecrets } from ${JSON.stringify(LAST_WORDS)}
      endWithoutSecrets()
      const error = Object.assign(new Error('lost redis://:hunter2@host'), { command: { args: ['hunter3'] } })
      Promise.reject(error)
      setTimeout(() => {}, 10_000)`
    const args = ['--import', 'tsx', '--input-type=module', '-e', script]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
    expect(stderr).toContain("message: 'lost redis://***@host'")
    expect(stderr).not.toMatch(/hunter/)
    expect(status).toBe(1)
  })

  it('B-REDIS-5 an error of Redis names its command and has none of its arguments, also in a pipeline', async () => {
    const args = async (call: Promise<unknown>) => {
      const { command } = await call.then(
        () => expect.unreachable(),
        (error) => error,
      )
      return command
    }
    await redis.set('text', 'x')
    expect(await args(redis.xadd('text', '*', 'd', 'an event'))).toEqual({ name: 'xadd' })
    expect(await args(redis.auth('nobody', 'hunter2'))).toEqual({ name: 'auth' })
    const piped = await redis.pipeline().lpush('text', 'an event').exec()
    expect((piped![0]![0] as unknown as { command: unknown }).command).toEqual({ name: 'lpush' })
  })
})
