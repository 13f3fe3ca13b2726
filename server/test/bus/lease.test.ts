import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { HEARTBEAT_FRESH_MS, type LogVersion, type TakeReply } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { partitionOwners } from '../../src/bus/reports/partition-owners.ts'
import { ledgerOf, logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'
import { OTHER_LOGS } from './other-logs.ts'

const guard = new Guard('commit')
const { redis } = await useRedis({ partitions: 1 })

const note = async (token: string, suspect: string, under: Partial<LogVersion> = {}) =>
  ledgerOf(redis, 0, guard).noteSuspect({ ...(await logOf(redis, 0).version()), ...under }, token, suspect)
const take = () => ledgerOf(redis, 0, guard).take()
const beat = (token: string, release = false) =>
  release ? ledgerOf(redis, 0, guard).release(token) : ledgerOf(redis, 0, guard).beat(token)

function taken(reply: TakeReply) {
  if (reply.status !== 'ok') throw new Error(`taking was answered ${reply.status}`)
  return reply.ownership
}

/** Makes the owner's last heartbeat look this old. */
const age = async (ms: number) => redis.hincrby(keys.meta(0), 'heartbeat', -ms)

const HOUR_MS = 3_600_000

describe('lease', () => {
  it('B-LEASE-1 is refused while the owner is alive, and says when to ask again', async () => {
    taken(await take())
    await age(1_000)
    const reply = await take()
    expect(reply).toMatchObject({ status: 'held' })
    expect((reply as { staleInMs: number }).staleInMs).toBeLessThanOrEqual(HEARTBEAT_FRESH_MS - 1_000)
    await pause((reply as { staleInMs: number }).staleInMs + 1)
    expect((await take()).status).toBe('ok')
  })

  it('B-LEASE-1 goes to one of many that ask at once', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, take))
    expect(replies.filter(({ status }) => status === 'ok')).toHaveLength(1)
  })

  it('B-LEASE-5 goes to another one when the heartbeat lies an hour ahead', async () => {
    const first = taken(await take())
    await age(-HOUR_MS)
    expect(await partitionOwners(redis, [0])).toMatchObject([{ owned: false }])
    expect((await logOf(redis, 0).standing([])).isOwned).toBe(false)
    const second = taken(await take())
    expect(await beat(first.token)).toBe(false)
    expect(await partitionOwners(redis, [0])).toMatchObject([{ owned: true }])
    expect(await beat(second.token)).toBe(true)
  })

  it('B-LEASE-5 is kept when the heartbeat lies ahead by less than a live owner leaves between two', async () => {
    taken(await take())
    await age(-HEARTBEAT_FRESH_MS / 2)
    expect((await take()).status).toBe('held')
    expect(await partitionOwners(redis, [0])).toMatchObject([{ owned: true }])
  })

  it('B-LEASE-5 an owner that lives has its partition again with its next heartbeat', async () => {
    const { token } = taken(await take())
    await age(-HOUR_MS)
    expect(await beat(token)).toBe(true)
    expect(await partitionOwners(redis, [0])).toMatchObject([{ owned: true }])
    expect((await take()).status).toBe('held')
  })

  it('B-LEASE-2 fences the earlier owner: its heartbeats and releases change nothing', async () => {
    const first = taken(await take())
    await age(HEARTBEAT_FRESH_MS)
    const second = taken(await take())
    expect(second.token).not.toBe(first.token)
    expect(await beat(first.token)).toBe(false)
    expect(await beat(first.token, true)).toBe(false)
    expect(await note(first.token, 'x')).toBe('fenced')
    expect((await take()).status).toBe('held')
    expect(await beat(second.token)).toBe(true)
  })

  it('B-LEASE-3 is free at once after a release', async () => {
    const { token } = taken(await take())
    expect(await beat(token, true)).toBe(true)
    expect((await take()).status).toBe('ok')
  })

  it('B-LEASE-6 stays free when a heartbeat comes after the release that overtook it', async () => {
    const { token } = taken(await take())
    expect(await beat(token, true)).toBe(true)
    expect(await beat(token)).toBe(false)
    expect((await take()).status).toBe('ok')
  })

  it('B-LEASE-4 counts takes since the last release, and hands on what the last owner suspected', async () => {
    for (const takes of [1, 2]) {
      expect(taken(await take())).toMatchObject({ takes, suspect: '' })
      await age(HEARTBEAT_FRESH_MS)
    }
    const { token, takes } = taken(await take())
    expect(takes).toBe(3)
    await note(token, 'a.b 5-0 7 1')
    await age(HEARTBEAT_FRESH_MS)
    const next = taken(await take())
    expect(next).toMatchObject({ takes: 4, suspect: 'a.b 5-0 7 1' })
    await beat(next.token, true)
    expect(taken(await take()).takes).toBe(1)
  })

  it('B-LINEAGE-1 is refused while Redis has another identity than the partition was written under', async () => {
    await redis.hset(keys.meta(0), 'lineage', 'old:old')
    expect(await take()).toMatchObject({ status: 'lineage', stored: 'old:old' })
  })

  it.each(OTHER_LOGS)('B-LINEAGE-6 a suspect of %s is not noted', async (_, was) => {
    const { token } = taken(await take())
    expect(await note(token, 'a.b 5-0 7 1', was)).toBe('lineage')
    await age(HEARTBEAT_FRESH_MS)
    expect(taken(await take()).suspect).toBe('')
  })
})
