import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { openFileOutbox } from '../../src/file-outbox.ts'
import { openIndexedDbOutbox } from '../../src/indexeddb-outbox.ts'
import type { RecordLog } from '../../src/outbox-store/record-log.ts'
import { StoredOutbox } from '../../src/outbox-store/stored-outbox.ts'
import { openOutbox } from '../../src/outbox-store.ts'
import type { OutboxHost, RestoredFrame } from '../../src/publishing/outbox-store.ts'
import { PendingFrame } from '../../src/publishing/pending-frame.ts'
import { PublishCall } from '../../src/publishing/publish-call.ts'
import { frameBodies } from '../../src/publishing/publish-frames.ts'
import { sharedSocket } from '../../src/tabs.ts'
import { MemoryLog } from '../support/memory-log.ts'

const HOST: OutboxHost = { written() {}, report() {} }

function openStore(log: RecordLog, host: OutboxHost = HOST) {
  const store = new StoredOutbox(log)
  void store.begin()
  const frames = store.use(host, undefined)
  return { store, frames }
}

/** Keeps a frame. @returns its seq */
function keep(store: StoredOutbox, id: string, time?: number, failed = (_: unknown) => {}): number {
  return store.keep(
    frameBodies('sensor.reading', [{ id, data: {} }], () => id),
    time,
    failed,
  )
}

const idsOf = (frames: readonly RestoredFrame[]) => frames.map(({ body }) => /"id":"(\d+)"/.exec(body.json)![1])

afterEach(() => {
  vi.useRealTimers()
})

test('C-TRACE-1 store - the next run sends the events of a call with the trace that they came from', () => {
  const log = new MemoryLog()
  const { store } = openStore(log)
  const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'v=1' }
  store.keep(
    frameBodies('sensor.reading', [{ data: {} }], () => '1', trace),
    5,
    () => {},
  )
  keep(store, '2', 5)
  store.close()
  const { frames } = openStore(new MemoryLog(log.lines))
  expect(frames.map(({ body }) => body.trace)).toEqual([trace, undefined])
  const frame = new PendingFrame(new PublishCall([1]), 0, frames[0]!.body, 0, 0, frames[0]!.seq)
  const { trace: sent } = JSON.parse(`{${frame.json(() => 5)}}`)
  expect(sent).toEqual([{ from: 0, ...trace }])
})

test('C-STORE-9 damage - is reported once whoever opens the client can listen', async () => {
  const report = vi.fn()
  openStore(Object.assign(new MemoryLog(), { damage: 'A copy:' }), { written() {}, report })
  expect(report).not.toHaveBeenCalled()
  await Promise.resolve()
  expect(report).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'store_damaged' }))
})

test('C-STORE-12 options - that there are not are refused, and nothing is opened', async () => {
  const wrong = { onRestord: () => {} } as object
  const says = (name: string) => new TypeError(`${name} has no "onRestord". Did you mean "onRestored"?`)
  expect(() => openFileOutbox('/no/such/folder', wrong)).toThrow(says('openFileOutbox'))
  await expect(openIndexedDbOutbox(wrong)).rejects.toThrow(says('openIndexedDbOutbox'))
  await expect(openOutbox(new MemoryLog(), wrong)).rejects.toThrow(says('openOutbox'))
  expect(() => openFileOutbox('/no/such/folder', { fsync: 'allways' as 'always' })).toThrow(
    new TypeError('openFileOutbox.fsync: expected always, everysecond, never, got "allways"'),
  )
  expect(() => openFileOutbox(undefined as never)).toThrow(
    new TypeError('openFileOutbox: path: expected a string, got undefined'),
  )
  expect(() => sharedSocket({ nmae: 'a' } as object)).toThrow('sharedSocket has no "nmae". Did you mean "name"?')
})

type Op = 'keep' | 'settle' | 'online' | 'offline' | 'restart' | 'full' | 'free'

test('C-STORE-2 C-STORE-4 store - whatever happens and wherever it stops, the next run has what was kept and not answered', () => {
  const op = fc.constantFrom<Op>(
    'keep',
    'keep',
    'keep',
    'settle',
    'settle',
    'online',
    'offline',
    'restart',
    'full',
    'free',
  )
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      let log = new MemoryLog()
      let { store } = openStore(log)
      let owed: { seq: number; id: string }[] = []
      let highest = 0
      const restart = () => {
        store.close()
        const producer = store.hello({ session: 0, sequence: 'new' }).producer
        log = new MemoryLog(log.lines)
        const next = openStore(log)
        store = next.store
        expect(next.frames.map(({ seq }) => seq)).toEqual(owed.map(({ seq }) => seq))
        expect(idsOf(next.frames)).toEqual(owed.map(({ id }) => id))
        if (owed.length > 0) expect(store.hello({ session: 0, sequence: 'new' }).producer).toBe(producer)
        else highest = 0
      }
      for (const [i, each] of ops.entries()) {
        if (each === 'keep' && log.isFull) expect(() => keep(store, `${i}`)).toThrow('ENOSPC')
        else if (each === 'keep') {
          const seq = keep(store, `${i}`, 5)
          expect(seq).toBeGreaterThan(highest)
          highest = seq
          owed.push({ seq, id: `${i}` })
        } else if (each === 'settle' && owed.length > 0 && !log.isFull) store.settled(owed.shift()!.seq)
        else if (each === 'online') store.greeted('7', 0)
        else if (each === 'offline') store.offline()
        else if (each === 'full' || each === 'free') log.isFull = each === 'full'
        else if (each === 'restart' && !log.isFull) restart()
      }
      log.isFull = false
      restart()
      store.close()
      owed = []
    }),
    { numRuns: 300 },
  )
})

test('C-STORE-2 store - a frame has an age if it may have been sent, and the content with which it was', () => {
  const log = new MemoryLog()
  const first = openStore(log).store
  const [early, stamped] = [keep(first, 'early'), keep(first, 'stamped', 1_000)]
  expect(openStore(new MemoryLog(log.lines)).frames.map(({ sentMsAgo }) => sentMsAgo)).toEqual([undefined, undefined])
  first.greeted('7', 3_600_000)
  first.offline()
  keep(first, 'unsent', 2_000)
  const { store, frames } = openStore(new MemoryLog(log.lines))
  expect(frames.map(({ sentMsAgo }) => sentMsAgo !== undefined)).toEqual([true, true, false])
  expect(store.time(stamped)).toBe(1_000)
  expect(Math.abs(store.time(early) - Date.now() - 3_600_000)).toBeLessThan(60_000)
  expect(first.time(early)).toBe(store.time(early))
})

test('C-STORE-4 store - seqs of frames that a loss of power may have taken are not used again; an empty store begins anew', () => {
  const log = new MemoryLog()
  const { store } = openStore(log)
  store.greeted('7', 0)
  const kept = keep(store, 'kept', 1)
  const lines = [...log.lines]
  const lost = keep(store, 'lost', 1)
  const next = openStore(new MemoryLog(lines)).store
  expect(next.hello({ session: 1, sequence: 'new' })).toMatchObject({ sequence: '7' })
  expect(keep(next, 'later', 1)).toBeGreaterThan(lost)
  store.settled(kept)
  store.settled(lost)
  const empty = openStore(new MemoryLog(log.lines)).store
  expect(empty.hello({ session: 1, sequence: 'new' })).toMatchObject({ sequence: 'new' })
  expect(keep(empty, 'anew', 1)).toBe(1)
})

test('C-STORE-4 store - a session is larger than that of an earlier run, whatever the clock says', () => {
  const log = new MemoryLog()
  const { store } = openStore(log)
  expect(store.hello({ session: 5_000, sequence: 'new' }).session).toBe(5_000)
  store.greeted('7', 0)
  keep(store, 'kept', 1)
  const next = openStore(new MemoryLog(log.lines)).store
  expect(next.hello({ session: 10, sequence: 'new' }).session).toBe(5_001)
  expect(next.hello({ session: 11, sequence: '7' }).session).toBe(5_002)
})

test('C-STORE-10 store - what has no use is removed: a log does not grow with the events that went through it', () => {
  const log = new MemoryLog()
  const { store } = openStore(log)
  const waiting = keep(store, 'waiting', 1)
  const size = () => log.lines.reduce((sum, line) => sum + line.length, 0)
  for (let i = 0; i < 10_000; i++) store.settled(keep(store, `${i}`, 1))
  expect(size()).toBeLessThan(1_500_000)
  expect(openStore(new MemoryLog(log.lines)).frames.map(({ seq }) => seq)).toEqual([waiting])
})

test('C-STORE-11 store - until the name of the sequence is written, everything is unwritten', async () => {
  const log = new MemoryLog()
  const reported: string[] = []
  vi.useFakeTimers()
  const { store } = openStore(log, {
    written() {},
    report: ({ code }) => reported.push(code),
  })
  keep(store, 'kept')
  expect(store.unwritten).toBe(0)
  log.isFull = true
  store.greeted('7', 0)
  expect(store.unwritten).toBe(Number.POSITIVE_INFINITY)
  expect(reported).toEqual(['store_failed'])
  log.isFull = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(store.unwritten).toBe(0)
  expect(openStore(new MemoryLog(log.lines)).store.hello({ session: 0, sequence: 'new' }).sequence).toBe('7')
})

test('C-STORE-1 store - frames of a slow log are unwritten until it says so; those it could not write are reported', async () => {
  const answers: { resolve(): void; reject(error: Error): void }[] = []
  const log: RecordLog = {
    lines: [],
    append: () => new Promise<void>((resolve, reject) => answers.push({ resolve, reject })),
    replace() {},
    async flush() {},
    close() {},
  }
  const lost: unknown[] = []
  const { store } = openStore(log)
  for (const id of ['a', 'b', 'c']) keep(store, id, 1, (error) => lost.push(id, error))
  expect(store.unwritten).toBe(3)
  answers[0]!.resolve()
  await expect.poll(() => store.unwritten).toBe(2)
  answers[1]!.reject(new Error('QuotaExceededError'))
  answers[2]!.resolve()
  await expect.poll(() => store.unwritten).toBe(0)
  expect(lost).toEqual(['b', expect.objectContaining({ code: 'store_failed' })])
  expect(store.size).toBe(2)
})

test('C-STORE-8 store - one client at a time, and of the producer whose events are in it', () => {
  const log = new MemoryLog()
  const { store } = openStore(log)
  keep(store, 'kept', 1)
  expect(() => store.use(HOST, undefined)).toThrow(expect.objectContaining({ code: 'store_in_use' }))
  const next = new StoredOutbox(new MemoryLog(log.lines))
  expect(() => next.use(HOST, 'another')).toThrow(/has events of the producer/)
})
