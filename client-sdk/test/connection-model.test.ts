import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClientEvent, Happening, TokenEvent } from '../src/connection/machine/event.ts'
import { STATUS, type StateKind } from '../src/connection/machine/state.ts'
import { AUTHORIZED, DRAIN, received, STATES, WELCOME } from './support/connection-samples.ts'
import { ConnectionWorld } from './support/connection-world.ts'

type Move = { readonly random: number } & (
  | { readonly kind: 'client'; readonly asks: ClientEvent['kind'] }
  /** On one of the sockets so far, open or not, counted back from the newest. */
  | { readonly kind: 'socket'; readonly back: number; readonly happening: Happening }
  | { readonly kind: 'timer'; readonly which: number }
  | { readonly kind: 'token'; readonly answers: TokenEvent['kind'] }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'advance' }
)

const HAPPENINGS: readonly Happening[] = [
  { kind: 'opened' },
  { kind: 'opened' },
  { kind: 'welcomed', frame: { ...WELCOME, sequence: 'q' } },
  { kind: 'welcomed', frame: WELCOME },
  { kind: 'welcomed', frame: { ...WELCOME, expiresInMs: 4_000 } },
  { kind: 'authorized', frame: AUTHORIZED },
  { kind: 'authorized', frame: { type: 'authorized' } },
  { kind: 'drained', frame: DRAIN },
  received({ type: 'batch', parts: [] }),
  received({ type: 'ping', time: 1 }),
  received({ type: 'error', code: 'internal', message: 'No.', retryable: false }),
  { kind: 'garbled' },
  { kind: 'lost', code: 1_006, reason: '' },
  { kind: 'lost', code: 4_008, reason: '{"retryAfterMs":250}' },
  { kind: 'lost', code: 4_401, reason: 'unauthorized' },
  { kind: 'lost', code: 4_401, reason: '{"retryAfterMs":250}' },
  { kind: 'lost', code: 4_502, reason: '' },
]

const CLIENT_EVENTS: readonly ClientEvent['kind'][] = [
  ...(['start', 'reconnect', 'reconnect_now', 'probe', 'probe', 'close'] as const),
  ...(['resumed', 'resumed', 'resumed'] as const),
]

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('advance' as const), random }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('socket' as const),
      back: fc.constantFrom(0, 0, 0, 1, 1, 2),
      happening: fc.constantFrom(...HAPPENINGS),
      random,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('timer' as const), which: fc.nat({ max: 2 }), random }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('token' as const),
      answers: fc.constantFrom<TokenEvent['kind']>('token_ready', 'token_failed'),
      random,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('client' as const),
      asks: fc.constantFrom<ClientEvent['kind']>(...CLIENT_EVENTS),
      random,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 8_000 }), random }) },
)

function run(world: ConnectionWorld, move: Move): void {
  switch (move.kind) {
    case 'client':
      world.take({ from: 'client', kind: move.asks }, move.random)
      break
    case 'socket':
      if (world.newest > move.back) world.happen(world.newest - move.back, move.happening, move.random)
      break
    case 'timer': {
      const timer = [...world.timers][move.which]
      if (timer !== undefined) world.fire(timer, move.random)
      break
    }
    case 'token':
      world.answer(move.answers, move.random)
      break
    case 'time':
      world.pass(move.ms)
      break
    case 'advance':
      advance(world, move.random)
  }
}

/** What comes next when server and network work. */
function advance(world: ConnectionWorld, random: number): void {
  const { kind, sockets } = world.state
  switch (kind) {
    case 'authorizing':
      world.answer('token_ready', random)
      break
    case 'connecting':
    case 'replacing':
      world.happen(world.newest, { kind: 'opened' }, random)
      world.happen(world.newest, { kind: 'welcomed', frame: WELCOME }, random)
      break
    case 'online':
      world.happen(sockets[0], { kind: 'drained', frame: DRAIN }, random)
      break
    case 'draining':
      world.fire('drain', random)
      break
    case 'handing_over':
      world.take({ from: 'client', kind: 'resumed' }, random)
      break
    case 'waiting':
      world.fire('retry', random)
      break
    case 'idle':
    case 'closed':
      break
  }
}

test('C-STATE-3 C-STATE-5 C-BACKOFF-1 C-HELLO-1 C-TOKEN-2 connection - keeps sockets, timers, waits and sessions in order, whatever happens', () => {
  const reached = new Set<StateKind>()
  fc.assert(
    fc.property(fc.boolean(), fc.array(move, { maxLength: 100 }), (asks, moves) => {
      const world = new ConnectionWorld(asks)
      world.take({ from: 'client', kind: 'start' }, 0)
      for (const each of moves) {
        run(world, each)
        reached.add(world.state.kind)
      }
      if (world.state.kind === 'closed') return
      // Nothing that happened keeps it from being online again.
      for (let round = 0; round < 3; round++) if (STATUS[world.state.kind] !== 'online') advance(world, 0)
      expect(world.announced.at(-1)).toBe('online')
      world.take({ from: 'client', kind: 'close' }, 0)
      expect([world.state.kind, world.sockets.size, world.timers.size]).toEqual(['closed', 0, 0])
      expect(world.announced.at(-1)).toBe('closed')
    }),
    { numRuns: 1_000 },
  )
  expect([...reached, 'idle'].sort()).toEqual(Object.keys(STATES).sort())
})
