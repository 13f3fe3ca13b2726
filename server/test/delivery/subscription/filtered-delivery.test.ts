import { LANES } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { laneOf, ModelNode, PARTITIONS, TOPIC } from '../model-node.ts'
import { SimulatedSocket } from '../support.ts'

type Step =
  | { readonly do: 'append'; readonly partition: number; readonly kinds: readonly number[] }
  | { readonly do: 'tail'; readonly partition: number; readonly count: number }
  | { readonly do: 'flush' | 'readPage' | 'answerPage' | 'progress' | 'resume' }

const partition = fc.nat({ max: PARTITIONS - 1 })
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        partition,
        kinds: fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 6 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('tail' as const), partition, count: fc.integer({ min: 1, max: 4 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'flush' as const,
          'readPage' as const,
          'answerPage' as const,
          'progress' as const,
          'resume' as const,
        ),
      }),
    },
  ),
  { maxLength: 80, size: 'max' },
)

const WHERE = 'key != "k1" && startsWith(id, "e") && time == 1 && has(data)'

describe('filtered delivery', () => {
  it('D-FILTER-6 exactly the events it is true for come once each, live, replayed and resumed; no other is in the ledger', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (list, withKeys) => {
        const node = new ModelNode()
        const keys = withKeys ? { keys: ['k1', 'k2'] } : {}
        const got: string[] = []
        let socket = new SimulatedSocket()
        const open = (from: object | 'earliest') => {
          socket = new SimulatedSocket()
          const opened = node.openSubscriber(socket)
          opened.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, where: WHERE, ...keys, from: from as 'earliest' })
          return opened
        }
        let session = open('earliest')
        const perform = (step: Step) => {
          switch (step.do) {
            case 'append': {
              const first = node.logged.length
              const events = step.kinds.map((kind, i) => ({
                id: `e${first + i}-k${kind % 3}`,
                key: `k${kind % 3}`,
                lane: laneOf(Math.floor(kind / 3)),
              }))
              return node.append(step.partition, events)
            }
            case 'tail':
              return node.tail(step.partition, step.count)
            case 'flush':
              return node.flush()
            case 'readPage':
              return node.readPage()
            case 'answerPage':
              return node.answerPage()
            case 'progress':
              return session.progress()
            case 'resume': {
              got.push(...socket.ids())
              const positions = { [TOPIC]: socket.vector(TOPIC) }
              session.close()
              session = open({ positions })
            }
          }
        }
        for (const step of list) {
          perform(step)
          const { ledger } = session.subscriptions.get(1)!
          expect(ledger.matched).toBe(ledger.delivered + ledger.queued)
        }
        node.settle(session, socket)
        got.push(...socket.ids())
        const wanted = node.logged.filter(({ id }) => id.endsWith('k2') || (!withKeys && id.endsWith('k0')))
        expect([...got].sort()).toEqual(wanted.map(({ id }) => id).sort())
        const place = new Map(node.logged.map(({ id }, i) => [id, i]))
        for (const lane of LANES) {
          for (let p = 0; p < PARTITIONS; p++) {
            const inLane = got.filter((id) => {
              const event = node.logged[place.get(id)!]!
              return event.lane === lane && event.partition === p
            })
            expect(inLane).toEqual([...inLane].sort((a, b) => place.get(a)! - place.get(b)!))
          }
        }
      }),
    )
  })
})
