import { createTestServer } from '@tidegate/client/testing'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startTestGateway } from '../../server/test/support/gateway.ts'
import { ClientTimers } from '../src/disconnects/client-timers.ts'
import config from '../src/disconnects/disconnects.config.ts'
import { runDisconnects } from '../src/disconnects/disconnects.ts'
import { play, type Step } from '../src/disconnects/play.ts'
import { Player, type PlayerOptions } from '../src/disconnects/player.ts'
import { readLog } from '../src/disconnects/read-log.ts'

const PARTITIONS = 4
const gateway = await startTestGateway(config.contract, { partitions: PARTITIONS })
afterAll(() => gateway.close())

const memory = createTestServer({ config, partitions: PARTITIONS })
const SERVERS: Readonly<Record<string, Omit<PlayerOptions, 'name'>>> = {
  'the server in memory': { url: 'ws://test', WebSocket: memory.WebSocket },
  'a gateway': { url: `ws://127.0.0.1:${gateway.port}`, WebSocket: WebSocket as never },
}

/** What is known of a player without looking at it. */
interface Model {
  published: number
  open: number
}

class StepCommand implements fc.AsyncCommand<Model, Player> {
  readonly #step: Step

  constructor(step: Step) {
    this.#step = step
  }

  check({ open }: Readonly<Model>): boolean {
    return this.#step.kind !== 'unsubscribe' || open > 0
  }

  async run(model: Model, player: Player): Promise<void> {
    await play(player, this.#step)
    if (this.#step.kind === 'publish') model.published += this.#step.keys.length
    if (this.#step.kind === 'unsubscribe') model.open--
    if (this.#step.kind === 'subscribe') model.open = Math.min(model.open + 1, MAX_OPEN)
    expect(player.published).toHaveLength(model.published)
    expect(player.watches.filter(({ isOpen }) => isOpen)).toHaveLength(model.open)
  }

  toString(): string {
    return JSON.stringify(this.#step)
  }
}

const MAX_OPEN = 6
const few = fc.integer({ min: 1, max: 3 })
const step = (arbitrary: fc.Arbitrary<Step>) => arbitrary.map((each) => new StepCommand(each))
const kinds = <Kind extends Step['kind']>(...all: Kind[]) => fc.constantFrom(...all).map((kind) => ({ kind }))
const commands = fc.commands(
  [
    step(fc.record({ kind: fc.constant('publish'), keys: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }) })),
    step(fc.record({ kind: fc.constant('publish'), keys: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }) })),
    step(
      fc.record({
        kind: fc.constant('subscribe'),
        start: fc.constantFrom('earliest', 'now'),
        iterates: fc.boolean(),
      }),
    ),
    step(fc.record({ kind: fc.constant('unsubscribe'), which: fc.nat(5) })),
    step(fc.record({ kind: fc.constant('cut'), retryAfterMs: fc.nat(5) })),
    step(fc.record({ kind: fc.constant('cut'), retryAfterMs: fc.nat(5) })),
    step(fc.record({ kind: fc.constant('lag'), ms: fc.constantFrom(0, 1, 5, Number.POSITIVE_INFINITY) })),
    step(
      fc.record({
        kind: fc.constant('refuse'),
        frame: fc.constantFrom('publish', 'subscribe', 'query', 'hello'),
        times: few,
      }),
    ),
    step(fc.record({ kind: fc.constant('slow'), frames: few })),
    step(kinds('query', 'forbid', 'drain', 'outage', 'mend') as fc.Arbitrary<Step>),
    step(kinds('mend', 'breathe') as fc.Arbitrary<Step>),
  ],
  { maxCommands: 40 },
)

describe.each(Object.entries(SERVERS))('against %s', (_, server) => {
  let players = 0

  test('C-MODEL-1 C-NET-5 client - what it promises holds, whatever is published, subscribed, cut, refused and slowed in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const timers = new ClientTimers()
        const player = new Player({ ...server, name: `m${++players}` })
        await fc.asyncModelRun(() => ({ model: { published: 0, open: 0 }, real: player }), list)
        const faults = [...(await player.settle()), ...(await player.close())]
        faults.push(...player.faults(await readLog(server, PARTITIONS)))
        timers.end()
        expect([faults, timers.running]).toEqual([[], []])
      }),
      { numRuns: 10, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
    )
  }, 60_000)

  test('C-MODEL-1 client - dozens of disconnects while it publishes and subscribes', async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const report = await runDisconnects({ ...server, partitions: PARTITIONS, seed, disconnects: 60, clients: 10 })
    expect(report).toMatchObject({ seed, faults: [], timersLeft: 0 })
    expect(report.acked).toBeGreaterThan(60)
    expect(report.delivered).toBeGreaterThan(60)
  }, 60_000)
})
