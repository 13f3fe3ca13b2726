import type { ServerFrame } from '@tidegate/protocol'
import { expect, it } from 'vitest'
import { ANYBODY, Rights } from '../../src/access/index.ts'
import { systemClock } from '../../src/clock.ts'
import { ConnectionQueries } from '../../src/gateway/connection-queries.ts'
import type { LimitedRequest } from '../../src/gateway/http/limited-request.ts'
import type { RouteContext } from '../../src/gateway/http/route-context.ts'
import { route } from '../../src/gateway/http/routes.ts'
import { DEFAULT_SETTINGS, Limits } from '../../src/limits/index.ts'
import { type Queries, QueryError } from '../../src/queries/index.ts'

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

it('Q-TURN-3 over HTTP as well: an answer is written when it is the turn of whoever asked, a refusal at once', async () => {
  const limits = new Limits({ settings: DEFAULT_SETTINGS, clock: systemClock }).exempt()
  const turns: (() => void)[] = []
  const page = { results: [] }
  const entity = { key: 'k', version: 3, epoch: 'e', time: 1, view: {} }
  const asked = {
    topics: () => ({ partitions: 1, topics: [] }),
    window: () => Promise.resolve(page),
    history: () => Promise.reject(new QueryError('unknown_topic')),
    entities: {
      list: () => [],
      entity: () => Promise.resolve(entity),
      history: () => Promise.resolve({ events: [] }),
      find: () => Promise.resolve({ entities: [] }),
    },
  }
  const context = {
    access: { isLocal: false, isOpen: true, authenticate: () => ANYBODY, admits: () => true },
    pages: { find: () => undefined },
    operators: 'here',
    queries: {
      of: () => asked,
      inTurn: (worker: unknown, write: () => unknown) => {
        expect(worker).toBe(limits)
        return new Promise((resolve) => turns.push(() => resolve(write())))
      },
    },
  } as unknown as RouteContext
  const get = (target: string) => {
    const { pathname: path, searchParams: query } = new URL(target, 'http://gateway')
    const request = { method: 'GET', path, query, limits, header: () => undefined, from: 'x' }
    return route(context, { ...request, remoteAddress: 'x', ambient: { kind: 'none' } } as unknown as LimitedRequest)
  }
  expect(await get('/v1/history?topic=none')).toMatchObject({ status: 404 })
  const paths = ['topics', 'windows/w', 'entities', 'entities/e?i=v', 'entities/e/k', 'entities/e/k/history']
  const answers = paths.map((path) => get(`/v1/${path}`))
  await expect.poll(() => turns.length).toBe(paths.length)
  for (const turn of turns) turn()
  for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ status: 200 })
})
