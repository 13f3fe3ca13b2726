import type { ServerFrame } from '@tidegate/protocol'
import { expect, it } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { systemClock } from '../../src/clock.ts'
import { ConnectionQueries } from '../../src/gateway/connection-queries.ts'
import { DEFAULT_SETTINGS, Limits } from '../../src/limits/index.ts'
import type { Queries } from '../../src/queries/index.ts'

it('Q-TURN-3 an answer is written when it is the turn of whoever asked, a refusal at once; until then it is unanswered', async () => {
  const limits = new Limits({ settings: DEFAULT_SETTINGS, clock: systemClock }).exempt()
  const turns: (() => void)[] = []
  const queries = {
    of: () => ({ topics: () => ({ partitions: 1, topics: [] }) }),
    inTurn: (worker: unknown, write: () => void) => {
      expect(worker).toBe(limits)
      return new Promise<void>((resolve) => turns.push(() => resolve(write())))
    },
  } as unknown as Queries
  const sent: ServerFrame[] = []
  const connection = new ConnectionQueries(
    queries,
    limits,
    () => 'defect',
    (frame) => sent.push(frame),
  )
  const ask = (id: number, name: string) => connection.take({ type: 'query', id, name }, 50, Rights.EVERYTHING)
  expect([ask(1, 'topics'), ask(2, 'none'), ask(3, 'topics')]).toEqual([undefined, undefined, undefined])
  await expect.poll(() => turns.length).toBe(2)
  expect(sent).toMatchObject([{ type: 'error', id: 2, code: 'unknown_query' }])
  const refused = Array.from({ length: 31 }, (_, i) => ask(10 + i, 'topics')).filter((each) => each !== undefined)
  expect(refused).toHaveLength(1)
  for (const turn of turns) turn()
  await expect.poll(() => sent.length).toBe(3)
  expect(sent.slice(1)).toMatchObject([
    { type: 'result', id: 1 },
    { type: 'result', id: 3 },
  ])
  await expect.poll(() => ask(50, 'topics')).toBeUndefined()
})
