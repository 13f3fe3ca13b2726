import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldTrail } from '../../src/entities/index.ts'
import { CounterModel, modelled, modelledOutcome } from '../own/entity-model.ts'
import type { SentCommand } from '../support/entities.ts'
import { definition, definitions } from './counter.ts'
import { type Act, World } from './world.ts'

const PARTITIONS = 2
const KEYS = 4
const LABELS = ['red', 'green', 'blue']

const key = fc.nat(KEYS - 1).map((n) => `k-${n}`)
const command = fc.oneof(
  fc.record({ command: fc.constant('add'), input: fc.record({ n: fc.nat(400), times: fc.nat(3) }) }),
  fc.record({ command: fc.constant('label'), input: fc.record({ label: fc.constantFrom(...LABELS) }) }),
  fc.constantFrom({ command: 'fail', input: { how: 'throws' } }, { command: 'add', input: { n: 'x' } }),
)
const acts: Act[] = ['fold', 'fold', 'commit', 'commit', 'lose', 'drop', 'end', 'age']
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('new' as const), key, command, expected: fc.option(fc.nat(4)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('again' as const, 'other' as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom(...acts), partition: fc.nat(PARTITIONS - 1) }) },
)

/** A world, and what must come of the commands that it gets. */
class Run {
  readonly world = new World(definitions, PARTITIONS)
  readonly model = new CounterModel()
  readonly sent: SentCommand[] = []

  send(sent: SentCommand, input = sent.input): void {
    const { id, expected, command, key } = sent
    // Whoever stored it first decides what the id stands for.
    this.model.take(sent)
    const checksum = JSON.stringify([key, command, input, expected])
    const body = { node: 'gw', entity: 'counter', command, input, checksum, waitMs: 9_000 }
    this.world.append({ id, key, ...body, ...(expected !== undefined && { expected }) })
  }

  /** Every command has the one outcome that follows from the log, and so has everything stored. */
  check(): void {
    for (const { key, id } of this.sent) {
      const outcome = this.world.outcome(key, id)
      expect([id, outcome && modelledOutcome(outcome)]).toEqual([id, this.model.outcomes.get(id)])
    }
    const members: string[] = []
    for (const key of this.model.keys) {
      const trail = this.world.trail('counter', key)
      expect(modelled(trail)).toEqual(this.model.of(key).events)
      for (let version = 1; version <= trail.length; version++) {
        const { state } = foldTrail(definition, key, trail.slice(0, version))
        expect(state).toEqual(this.model.view(key, version))
      }
      const record = this.world.record('counter', key)
      if (record === undefined) continue
      const folded = this.world.folded('counter', key)
      expect(record.version).toBe(trail.length)
      // One that nothing has happened to since stays as it was stored.
      if (record.definition === definition.version) expect(record).toEqual(folded)
      const { label } = folded.indexed
      if (label !== undefined) members.push(`${label}\0${key}`)
    }
    expect(this.world.indexed('counter', 'label')).toEqual(members.sort())
  }
}

describe('commands', () => {
  test('E-RUN-1 E-ANSWER-1 E-STORE-1 E-STORE-2 E-STORE-3 whatever ends owners between any two steps, each has one outcome, and trail, states at all versions and indexes follow from the log', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const run = new Run()
        for (const [i, step] of steps.entries()) {
          if (step.kind === 'new') {
            const { key, command, expected } = step
            const sent = { id: `c-${i}`, key, entity: 'counter', ...command }
            run.sent.push(expected === null ? sent : { ...sent, expected: { version: expected } })
            run.send(run.sent.at(-1)!)
          } else if ('which' in step) {
            const known = run.sent[step.which % run.sent.length]
            if (known !== undefined) run.send(known, step.kind === 'again' ? known.input : { other: true })
          } else run.world.act(step.partition, step.kind)
        }
        run.world.settle()
        run.check()
      }),
      { numRuns: 100 },
    )
  })
})
