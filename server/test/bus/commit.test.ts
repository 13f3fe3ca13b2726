import { describe, expect, it } from 'vitest'
import {
  BusMismatch,
  type CommitOperation,
  type CommitRequest,
  decodeEvents,
  encodeEvent,
  RecordBatchBuilder,
  windowHash,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { currentKey, logOf } from '../support/bus.ts'
import { OTHER_LOGS } from './other-logs.ts'
import { ownLedger } from './owned-ledger.ts'

const STATE = windowHash('a.w')
const STATE_KEY = keys.owned(0, STATE)
const own = await ownLedger()

const json = (id: string) => encodeEvent(id, `key-${id}`, 5, undefined, '{}')

function batch(...ids: readonly string[]): { header: string; payload: Buffer } {
  const builder = new RecordBatchBuilder()
  builder.addSlice(ids.map((id) => ({ key: `key-${id}`, lane: 'normal', time: 5, json: json(id) })))
  return builder.build()
}

const set = (...fields: [string, string][]): CommitOperation => ({ op: 'set', hash: STATE, fields })
const append = (...ids: readonly string[]): CommitOperation => ({
  op: 'append',
  topic: 'a.w',
  ...batch(...ids),
  watermark: 77,
  latest: ids.map((id, index) => ({
    index,
    key: `key-${id}`,
    from: index * (json(id).length + 1),
    bytes: json(id).length,
  })),
})

const send = (request: Partial<CommitRequest> = {}) =>
  own.ledger.commit({
    log: own.log,
    token: own.token,
    commitSeq: 0,
    commitId: 'c-1',
    offsetsBefore: '',
    offsets: '{"a.b":"5-0"}',
    clocks: '{}',
    operations: [set(['s', '1']), append('x')],
    ...request,
  })

const nothingWritten = async () => {
  expect(await own.redis.exists(STATE_KEY, keys.log(0, 'a.w'), currentKey(0, 'a.w'))).toBe(0)
  expect(await own.redis.hget(keys.meta(0), 'commitSeq')).toBeNull()
}

describe('commit', () => {
  it('B-COMMIT-1 stores state, outputs, latest results, offsets and clocks together', async () => {
    const reply = await send({ operations: [set(['s', '1']), append('x', 'y')] })
    const [entry] = await logOf(own.redis, 0).range('a.w', '-', '+', 10)
    expect(reply).toEqual({ status: 'ok', ids: [entry!.streamId] })
    expect(await own.redis.hgetall(STATE_KEY)).toEqual({ s: '1' })
    expect(decodeEvents(entry!.payload).map(({ id }) => id)).toEqual(['x', 'y'])
    expect(entry).toMatchObject({ epoch: own.log.epoch, watermark: 77 })
    expect(await own.redis.hgetall(currentKey(0, 'a.w'))).toEqual({
      'key-x': `${entry!.streamId}.0 ${json('x')}`,
      'key-y': `${entry!.streamId}.1 ${json('y')}`,
    })
    const meta = await own.redis.hmget(keys.meta(0), 'commitSeq', 'offsets', 'clocks', 'takes')
    expect(meta).toEqual(['1', '{"a.b":"5-0"}', '{}', '0'])
  })

  it('B-COMMIT-14 the count of takes goes on, or ends', async () => {
    await send({ keepsTakes: true })
    expect(await own.redis.hget(keys.meta(0), 'takes')).toBe('1')
    await send({ commitSeq: 1, commitId: 'c-2', offsetsBefore: '{"a.b":"5-0"}' })
    expect(await own.redis.hget(keys.meta(0), 'takes')).toBe('0')
  })

  it('B-COMMIT-6 a latest result is replaced by one of its time or a later one, never by one of an earlier time', async () => {
    const panes = [5_000, -5_000, 5_000, 4_999, 12_000].map((time, n) =>
      encodeEvent(`p-${n}`, 'k\n', time, undefined, '{}'),
    )
    const latest: (string | null)[] = []
    for (const [n, pane] of panes.entries()) {
      const builder = new RecordBatchBuilder()
      builder.addSlice([{ key: 'k\n', lane: 'normal', time: 0, json: pane }])
      const whole = { key: 'k\n', index: 0, from: 0, bytes: pane.length }
      const operation = {
        op: 'append',
        topic: 'a.w',
        ...builder.build(),
        watermark: undefined,
        latest: [whole],
      } as const
      const request = { commitSeq: n, commitId: `c-${n}`, offsetsBefore: '', offsets: '', operations: [operation] }
      expect(await send(request)).toMatchObject({ status: 'ok' })
      latest.push(await own.redis.hget(currentKey(0, 'a.w'), 'k\n'))
    }
    expect(latest.map((result) => /"id":"(p-\d)"/.exec(result!)![1])).toEqual(['p-0', 'p-0', 'p-2', 'p-2', 'p-4'])
  })

  it('B-COMMIT-1 keeps fields apart whatever is in them, and deletes them', async () => {
    const names = ['plain', 'with\nline', 'back\\slash', 'both\\n\n\\', '', 'ключ']
    await send({ operations: [set(...names.map((name, i): [string, string] => [name, `${i}`]))] })
    expect(await own.redis.hgetall(STATE_KEY)).toEqual(Object.fromEntries(names.map((name, i) => [name, `${i}`])))
    const operations: CommitOperation[] = [{ op: 'delete', hash: STATE, fields: names.slice(1) }]
    await send({ commitSeq: 1, commitId: 'c-2', offsetsBefore: '{"a.b":"5-0"}', operations })
    expect(await own.redis.hgetall(STATE_KEY)).toEqual({ plain: '0' })
  })

  it('B-COMMIT-1 takes more fields than a Lua call takes arguments', async () => {
    const fields = Array.from({ length: 9_000 }, (_, i): [string, string] => [`f-${i}`, `${i}`])
    await send({ operations: [set(...fields)] })
    expect(await own.redis.hlen(STATE_KEY)).toBe(9_000)
    const operations: CommitOperation[] = [{ op: 'delete', hash: STATE, fields: fields.map(([field]) => field) }]
    await send({ commitSeq: 1, commitId: 'c-2', offsetsBefore: '{"a.b":"5-0"}', operations })
    expect(await own.redis.exists(STATE_KEY)).toBe(0)
  })

  it('B-COMMIT-2 answers the same commit again with its first outcome, even after another owner took over', async () => {
    const first = await send()
    expect(await send()).toEqual(first)
    await own.redis.hset(keys.meta(0), 'token', 'another')
    expect(await send()).toEqual(first)
    expect(await own.redis.xlen(keys.log(0, 'a.w'))).toBe(1)
  })

  it.each([
    ['another commit number', { commitSeq: 1 }, 'conflict'],
    ['other offsets', { offsetsBefore: '{"a.b":"4-0"}' }, 'conflict'],
    ['another token', { token: '1:0' }, 'fenced'],
  ])('B-COMMIT-3 refuses a commit that builds on %s, whole', async (_, request, status) => {
    expect(await send(request)).toEqual({ status })
    await nothingWritten()
  })

  it('B-COMMIT-3 B-LINEAGE-1 refuses a commit while Redis has another identity than the partition was written under', async () => {
    await own.redis.hset(keys.meta(0), 'lineage', 'old:old')
    expect(await send()).toEqual({ status: 'lineage' })
    await nothingWritten()
  })

  it.each(OTHER_LOGS)('B-LINEAGE-6 refuses a commit that was computed of %s', async (_, was) => {
    expect(await send({ log: { ...own.log, ...was } })).toEqual({ status: 'lineage' })
    await nothingWritten()
  })

  it('B-LINEAGE-6 a commit that Redis may have lost is not answered as stored', async () => {
    await send()
    await own.redis.hset(keys.meta(0), 'epoch', 'after')
    expect(await send()).toEqual({ status: 'lineage' })
  })

  it.each([
    ['a state hash', STATE_KEY],
    ['a log', keys.log(0, 'a.w')],
    ['the latest results', currentKey(0, 'a.w')],
  ])('B-COMMIT-4 refuses a foreign type in place of %s before it writes', async (_, key) => {
    await own.redis.set(key, 'foreign')
    await expect(send()).rejects.toThrow(BusMismatch)
    expect(await own.redis.exists(STATE_KEY, keys.log(0, 'a.w'), currentKey(0, 'a.w'))).toBe(1)
    expect(await own.redis.hget(keys.meta(0), 'commitSeq')).toBeNull()
  })

  it('B-COMMIT-5 goes through while Redis is over maxmemory', async () => {
    await own.redis.config('SET', 'maxmemory', '1')
    try {
      await expect(own.redis.set('any', 'thing')).rejects.toThrow(/OOM/)
      expect(await send()).toMatchObject({ status: 'ok' })
    } finally {
      await own.redis.config('SET', 'maxmemory', '0')
    }
  })
})
