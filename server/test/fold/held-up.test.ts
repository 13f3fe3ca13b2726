import { expect, test } from 'vitest'
import { OUTBOX_HASH } from '../../src/bus/index.ts'
import { Outbox } from '../../src/entities/outbox.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { shop } from '../entities/shop.ts'
import { FakeStore } from '../support/fold.ts'

test('E-THEN-7 outbox - is full by the size of its messages, too', () => {
  const text = 'x'.repeat(64 * 1_024)
  const body = { node: '', entity: 'e', command: 'c', input: { text }, checksum: 'c', waitMs: 1 }
  const outbox = new Outbox()
  for (let i = 1; i < 128; i++) outbox.add([{ id: `then:${i}`, key: 'k', body }])
  expect([outbox.isFull, outbox.collectedSize > 7 * 1_024 * 1_024]).toEqual([false, true])
  outbox.add([{ id: 'then:128', key: 'k', body }])
  outbox.take()
  outbox.committed()
  expect([outbox.isFull, outbox.collectedSize]).toEqual([true, 0])
  outbox.arrived(1)
  expect(outbox.isFull).toBe(false)
})

test('E-THEN-7 fold - nothing more is folded while 4,096 messages have not arrived', () => {
  const state = new FakeStore().load()
  const message = JSON.stringify({ id: 'then:1', key: 'k', body: {} })
  const fields = Array.from({ length: 4_096 }, (_, i) => [`${i + 1}`, message] as const)
  const loaded = {
    ...state,
    progress: { ...state.progress, outbox: { next: 4_097 } },
    stored: new Map([[OUTBOX_HASH, fields]]),
  }
  const handlers = { epoch: 'e', now: () => 0, limited: () => true, incident: () => 'id' }
  const fold = new PartitionFold(new Pipeline(shop.contract), 0, 1, loaded, { handlers })
  const batch = { topic: 'a', streamId: '1-0', events: [], ends: [] }
  expect([fold.isHeldUp, fold.hasRoomForCommands, fold.hasRoomFor(batch)]).toEqual([true, false, false])
  fold.entities!.outbox.arrived(1)
  expect([fold.isHeldUp, fold.hasRoomForCommands, fold.hasRoomFor(batch)]).toEqual([false, true, true])
  expect(fold.takeOperations()).toContainEqual({ op: 'delete', hash: OUTBOX_HASH, fields: ['1'] })
  expect(fold.progress().outbox).toEqual({ next: 4_097 })
})
