import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMANDS_TOPIC, entityHash, LOG_START, trailList } from '../../src/bus/index.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { decodeRecord, decodeTrailEntry } from '../../src/entities/index.ts'
import { foldedOf } from '../../src/fold/command-offset.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig } from '../../src/index.ts'
import { command, counter } from '../entities/counter.ts'
import { appended, batchOf, eventOf, FakeStore, panesIn, reading } from '../support/fold.ts'

const window = reading.window('a.10', { tumbling: '10s', aggregate: { count: 'count' } })
const pipeline = new Pipeline(defineConfig({ topics: [reading, window], entities: [counter] }).contract)
/** So many states that answers do not wait for them. */
const KEYS = 250
const COMMANDS_ENTRY = '5-0'
type Act = 'event' | 'command' | 'commit' | 'crash'

const sent = Array.from({ length: 12 }, (_, i) => command('add', { n: 1 }, { id: `c-${i}`, key: `k-${i % 3}` }))
const keys = ['k-0', 'k-1', 'k-2']

function open(store: FakeStore): PartitionFold {
  const limited = (body: () => void) => {
    body()
    return true
  }
  const handlers = { epoch: 'e', now: () => 2_000, limited, incident: () => 'i' }
  const fold = new PartitionFold(pipeline, 0, 1, store.load(), { handlers })
  fold.entities!.needs(sent)
  for (const key of keys) {
    const record = store.field(entityHash('counter'), key)
    if (record === undefined) fold.entities!.loaded('counter', key)
    else fold.entities!.loaded('counter', key, { kind: 'loaded', record: decodeRecord(record) })
  }
  return fold
}

describe('answers apart from windows', () => {
  it('W-FOLD-14 whatever is stored first, and wherever the worker ends, commands are run once and panes are complete', () => {
    const acts = fc.array(fc.constantFrom<Act>('event', 'command', 'command', 'commit', 'commit', 'crash'), {
      minLength: 10,
      maxLength: 60,
    })
    let alone = 0
    fc.assert(
      fc.property(acts, (script) => {
        const entries = Array.from({ length: 8 }, (_, n) =>
          batchOf('a.reading', ...Array.from({ length: KEYS }, (_, k) => eventOf(`${n}-${k}`, `w-${k}`, n * 4_000))),
        )
        const store = new FakeStore()
        const panes: Pane[] = []
        const answered: string[] = []
        let fold = open(store)
        const commit = () => {
          const isAlone = fold.hasAnswers && fold.areAnswersApart
          if (isAlone) alone++
          const work = isAlone ? fold.takeAnswers(false) : fold.take(false)
          store.store(work)
          fold.entities!.stored()
          panes.push(...panesIn(work.operations, 'a.10'))
          answered.push(...appended(work.operations, '~answers').map(({ id }) => id))
        }
        const act = (what: Act) => {
          const folded = foldedOf(COMMANDS_ENTRY, fold.offsets.get(COMMANDS_TOPIC))
          const at = entries.findIndex(({ streamId }) => streamId === (fold.offsets.get('a.reading') ?? LOG_START)) + 1
          if (what === 'crash') fold = open(store)
          else if (what === 'commit') commit()
          else if (what === 'event' && at < entries.length && fold.hasRoomFor(entries[at]!)) fold.fold(entries[at]!)
          else if (what === 'command' && folded < sent.length && fold.hasRoomForCommands) {
            fold.foldCommands([{ command: sent[folded]!, offset: `${COMMANDS_ENTRY}.${folded}` }])
          }
        }
        for (const what of script) act(what)
        for (let i = 0; i < 30; i++) for (const what of ['event', 'command', 'commit', 'commit'] as const) act(what)
        expect(answered).toEqual(sent.map(({ id }) => id))
        for (const key of keys) {
          const ids = sent.filter((one) => one.key === key).map(({ id }) => id)
          expect(store.list(trailList('counter', key)).map((text) => decodeTrailEntry(text).commandId)).toEqual(ids)
          expect(decodeRecord(store.field(entityHash('counter'), key)!).state).toMatchObject({ n: ids.length })
        }
        const complete = panes.map(({ key, start, value }) => `${key} ${start} ${value.count}`)
        const counts = [3, 2]
        const expected = counts.flatMap((count, w) =>
          Array.from({ length: KEYS }, (_, k) => `w-${k} ${w * 10_000} ${count}`),
        )
        expect(complete.sort()).toEqual(expected.sort())
      }),
      { numRuns: 60 },
    )
    expect(alone).toBeGreaterThan(10)
  })

  it('W-FOLD-14 answers are of the next commit where little waits beside them, and before the first whole one', () => {
    const store = new FakeStore()
    const fold = open(store)
    fold.fold(batchOf('a.reading', ...Array.from({ length: KEYS }, (_, k) => eventOf(k, `w-${k}`, 0))))
    expect(fold.areAnswersApart).toBe(false)
    fold.take(false)
    fold.fold(batchOf('a.reading', eventOf('x', 'w-0', 0)))
    expect(fold.areAnswersApart).toBe(false)
  })
})
