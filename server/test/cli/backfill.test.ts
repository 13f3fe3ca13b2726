import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { firstHead } from '../../src/bus/contract/contract-head.ts'
import { keys } from '../../src/bus/keys.ts'
import { parseTime } from '../../src/cli/usage/time-option.ts'
import { progressText } from '../../src/cli/windows/backfill.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { FolderLock, privateRedisOf } from '../../src/supervisor/folder-lock.ts'
import { runCommand } from '../support/command-line.ts'
import { useRedis } from '../support/use-redis.ts'

const CONFIG = fileURLToPath(new URL('../backfill/fixtures/backfill-after.config.ts', import.meta.url))
const NOW = Date.parse('2026-11-23T12:00:00Z')
const { server, redis } = await useRedis()

beforeEach(() => {
  vi.stubEnv('REDIS_URL', server.url)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const backfill = (...args: readonly string[]) => runCommand('window', 'backfill', ...args, '--config', CONFIG)

describe('tidegate window backfill', () => {
  it.each([
    ['2026-11-23', '2026-11-23T00:00:00Z'],
    ['2026-11-23T11:30:00Z', '2026-11-23T11:30:00Z'],
    ['2026-11-23T11:30+02:00', '2026-11-23T09:30:00Z'],
    ['24h', '2026-11-22T12:00:00Z'],
  ])('X-BACKFILL-1 takes %s', (text, time) => {
    expect(parseTime('from', text, NOW)).toBe(Date.parse(time))
  })

  it.each(['2026-11-23T11:30', 'yesterday', '-24h', '2026-13-01', '17'])('X-BACKFILL-1 does not take %s', (text) => {
    expect(() => parseTime('from', text, NOW)).toThrow(`--from ${text}: say a date`)
  })

  it.each([
    [['--from', '24h'], 'say the window'],
    [['a.1s', '--from', 'soon'], 'say a date'],
    [['a.1s', '--to', '24h'], '--to goes with --from'],
    [['a.1s', '--from', '1h', '--to', '2h'], '--from must lie before --to'],
  ])('X-BACKFILL-1 %j ends with 2', async (args, reason) => {
    expect(await backfill(...args)).toMatchObject({ code: 2, err: expect.stringContaining(reason) })
  })

  it('X-BACKFILL-2 says what is missing, one thing after the other', async () => {
    await redis.flushall()
    const refusal = async (...args: readonly string[]) => {
      const { code, err } = await backfill(...args, '--from', '24h')
      expect(code).toBe(1)
      return err
    }
    expect(await refusal('a.nope')).toContain('there is no window a.nope. The windows of this config: a.1s, a.session')
    expect(await refusal('a.none')).toContain('a.none is a flow, not a window')
    expect(await refusal('a.1s')).toContain('holds no data')
    await redis.hset(keys.cluster, 'partitions', 2)
    expect(await refusal('a.1s')).toContain('no worker is running')
    await redis.hset(keys.contractHead, 'state', JSON.stringify(firstHead('another')))
    await redis.hset(keys.contractLive, 0, Date.now())
    expect(await refusal('a.1s')).toContain('no worker is running')
    await redis.zadd(keys.workers, Date.now(), 'w-1')
    await redis.set(keys.worker('w-1'), '{}')
    expect(await refusal('a.1s')).toContain('what runs has another config (contract another')
    await redis.hset(keys.contractHead, 'state', JSON.stringify(firstHead((await loadConfig(CONFIG)).contract.hash)))
    const nothing = await backfill('a.1s', '--from', '24h')
    expect(nothing).toMatchObject({ code: 0, out: expect.stringContaining('from their beginning') })
  })

  it('X-BACKFILL-3 shows how far it is, and what it waits for', () => {
    const status = {
      partitions: 8,
      done: 2,
      failures: [],
      fraction: 0.436,
      events: 1_204_331,
      panes: 18_020,
      openForMs: 61_000,
    }
    expect(progressText(status, 310_000.4, undefined)).toBe(
      '43 %, 1,204,331 events (310,000/s), 18,020 panes, 2 of 8 partitions done',
    )
    expect(progressText({ ...status, fraction: 1 }, 0, undefined)).toBe(
      '100 %, 1,204,331 events, 18,020 panes, 2 of 8 partitions done, its last windows wait for late events, 61 s at most',
    )
    expect(progressText(status, 0, 'no worker is running')).toMatch(/, no worker is running$/)
  })

  it('X-BACKFILL-5 finds the Redis of a running tidegate start by its data folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
    try {
      expect(await privateRedisOf(folder)).toBeUndefined()
      const lock = await FolderLock.take(folder)
      await lock.coverRedis(process.pid, '/tmp/a.sock')
      expect(await privateRedisOf(folder)).toBe('/tmp/a.sock')
      await lock.release()
      writeFileSync(join(folder, 'lock'), '{"owner":{"pid":999999999,"startedAt":"never"}}')
      expect(await privateRedisOf(folder)).toBeUndefined()
      vi.stubEnv('REDIS_URL', '')
      const { code, err } = await backfill('a.1s', '--from', '24h', '--data', folder)
      expect([code, err]).toEqual([
        1,
        expect.stringContaining(`no \`tidegate start\` runs on the data folder ${folder}`),
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
