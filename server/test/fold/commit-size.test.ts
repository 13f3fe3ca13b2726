import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { CommitOperation } from '../../src/bus/index.ts'
import type { Command } from '../../src/entities/index.ts'
import { MAX_WRITES } from '../../src/fold/commit-room.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig, entity, reply, topic } from '../../src/index.ts'
import { FakeStore, writesOf } from '../support/fold.ts'

/** The bound, and what one command may come to. */
const MAX_SIZE = 192 * 1_024
const LARGEST = 420 * 1_024
const TEXT = 'x'.repeat(60_000)

const note = topic('note', { schema: z.object({ docId: z.string(), length: z.number() }), key: 'docId' })

/** Its state is large, and so are the states of its history, its view, and what its index holds. */
const doc = entity('doc', {
  ...{ key: 'docId', version: 1, history: 1, from: [note], publish: ['state'] },
  state: { initial: { text: '' as string, tag: '' as string } },
  events: { grown: z.object({ length: z.number() }), tagged: z.object({ length: z.number() }) },
  evolve: {
    grown: (state, { length }, { version }) => ({ ...state, text: `${version}${TEXT.slice(0, length)}` }),
    tagged: (state, { length }) => ({ ...state, tag: TEXT.slice(0, length) }),
  },
  commands: {
    grow: { input: z.object({ length: z.number() }), decide: (_state, data) => [{ type: 'grown', data }] },
    tag: { input: z.object({ length: z.number() }), decide: (_state, data) => [{ type: 'tagged', data }] },
    many: {
      input: z.object({ times: z.number() }),
      decide: (_state, { times }) =>
        Array.from({ length: times }, () => ({ type: 'grown' as const, data: { length: 1 } })),
    },
    ask: { input: z.object({ length: z.number() }), decide: (_state, { length }) => reply(TEXT.slice(0, length)) },
  },
  on: { note: (_state, { data: { length } }) => [{ type: 'grown', data: { length } }] },
  indexes: { tag: ({ tag }) => (tag === '' ? undefined : tag) },
})

const pipeline = new Pipeline(defineConfig({ topics: [note], entities: [doc] }).contract)

function open(): PartitionFold {
  const limited = (body: () => void) => {
    body()
    return true
  }
  const handlers = { epoch: 'e', now: () => 2_000, limited, incident: () => 'i' }
  return new PartitionFold(pipeline, 0, 1, new FakeStore().load(), { handlers })
}

let ids = 0
function placed(count: number, name: string, input: object, keyOf = (i: number) => `k-${i}`) {
  return Array.from({ length: count }, (_, i) => {
    const command: Command = {
      ...{ id: `c-${ids++}`, key: keyOf(i), node: 'gw', entity: 'doc', command: name, input },
      ...{ checksum: `${name}${i}`, storedAt: 1_000, waitMs: 9_000 },
    }
    return { command, offset: `1-0.${i}` }
  })
}

/** Folds all of them, commit by commit. */
function commitAll(fold: PartitionFold, commands: ReturnType<typeof placed>): readonly CommitOperation[][] {
  const commits: CommitOperation[][] = []
  for (let left = commands; left.length > 0; ) {
    const next = left.slice(0, 16)
    const { entities } = fold.entities!.needs(next.map(({ command }) => command))
    for (const [name, keys] of entities) for (const key of keys) fold.entities!.loaded(name, key)
    left = left.slice(fold.foldCommands(next))
    if (left.length > 0 && fold.hasRoomForCommands) continue
    commits.push(fold.takeOperations())
    fold.entities!.stored()
  }
  return commits
}

const sizeOf = (operations: readonly CommitOperation[]) =>
  operations.reduce(
    (sum, operation) => sum + JSON.stringify({ ...operation, payload: undefined }).length + payloadOf(operation),
    0,
  )

const payloadOf = (operation: CommitOperation) => (operation.op === 'append' ? operation.payload.length : 0)

describe('size of a commit', () => {
  for (const [what, name, input] of [
    ['states, views and those of histories', 'grow', { length: 60_000 }],
    ['values of indexes', 'tag', { length: 60_000 }],
    ['replies', 'ask', { length: 30_000 }],
  ] as const) {
    test(`W-LIMIT-3 it ends behind the command that reaches the bound of size with ${what}`, () => {
      const fold = open()
      const commits = [...commitAll(fold, placed(16, name, input)), ...commitAll(fold, placed(16, name, input))]
      expect(Math.max(...commits.map(sizeOf))).toBeLessThan(MAX_SIZE + LARGEST)
      expect(fold.offsets.get('~commands')).toBe('1-0.15')
    })
  }

  test('W-LIMIT-3 it ends behind the command that reaches the bound of writes', () => {
    const commits = commitAll(open(), placed(128, 'many', { times: 64 }))
    for (const operations of commits) expect(writesOf(operations)).toBeLessThan(MAX_WRITES + 100)
    expect(commits.length).toBeLessThan(6)
  })

  test('W-LIMIT-3 of an entity that changes often the state counts once', () => {
    const commits = commitAll(
      open(),
      placed(64, 'grow', { length: 60_000 }, () => 'one'),
    )
    expect(commits).toHaveLength(1)
  })

  test('W-LIMIT-3 no more events are taken into a commit that large states fill', () => {
    const fold = open()
    const batchOf = (n: number) => ({
      ...{ topic: 'note', streamId: `${n}-0`, ends: [] },
      events: [{ id: `${n}`, key: `k-${n}`, time: 1_000, data: { docId: `k-${n}`, length: 60_000 } }],
    })
    let batches = 0
    while (fold.hasRoomFor(batchOf(batches))) {
      fold.entities!.loaded('doc', `k-${batches}`)
      fold.fold(batchOf(batches++))
    }
    expect(batches).toBeLessThan(5)
    expect(sizeOf(fold.takeOperations())).toBeLessThan(MAX_SIZE + LARGEST)
  })
})
