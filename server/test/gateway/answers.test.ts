import { PROTOCOL_VERSION, type ServerFrame } from '@tidegate/protocol'
import { expect, it } from 'vitest'
import { ANYBODY } from '../../src/access/index.ts'
import { systemClock } from '../../src/clock.ts'
import { rejection } from '../../src/entities/index.ts'
import { Connection, type ConnectionContext } from '../../src/gateway/connection.ts'
import { FrameTurns } from '../../src/gateway/frame-turns.ts'
import { Admission } from '../../src/gateway/index.ts'
import type { TransportSocket } from '../../src/gateway/transport/transport.ts'
import { PublishControl } from '../../src/ingest/index.ts'
import { DEFAULT_SETTINGS, Limits } from '../../src/limits/index.ts'
import { Rounds } from '../../src/rounds.ts'

/** Longer than that of a gateway: what the test does meanwhile takes its time. */
const ANSWER_GAP_MS = 50

const ADDRESS = '203.0.113.1'

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve))

/** A connection whose commands are answered when the test says. @param onWrite takes as long as a write does */
function connect(onWrite = () => {}) {
  const writes: (readonly ServerFrame[])[] = []
  const settles: (() => void)[] = []
  const context = {
    clock: systemClock,
    // However long reading takes, all frames are of one turn.
    turns: new FrameTurns({ monotonic: () => 0 }, (frame) => frame),
    answerRounds: new Rounds(() => ANSWER_GAP_MS),
    access: { authenticate: () => ANYBODY, admits: () => true },
    admission: new Admission(1_000_000),
    publishControl: new PublishControl(),
    ingest: { epochs: [], scan: () => undefined },
    commands: {
      epochOf: () => undefined,
      send: (_: unknown, settle: (outcome: unknown) => void) =>
        settles.push(() => settle(rejection('outcome_unknown'))),
    },
    delivery: {
      openSubscriber: () => ({
        sendControl: (frame: ServerFrame) => writes.push([frame]),
        sendControls: (frames: readonly ServerFrame[]) => {
          onWrite()
          writes.push(frames)
        },
      }),
    },
    report: (where: string, error: unknown) => {
      throw new Error(where, { cause: error })
    },
    onLive: () => {},
    onClosed: () => {},
  } as unknown as ConnectionContext
  const limits = new Limits({ settings: DEFAULT_SETTINGS, clock: systemClock })
  const client = limits.open({ name: ADDRESS, isLoopback: false, isProxied: false })
  const socket: TransportSocket = {
    send: (frame) => {
      writes.push([JSON.parse(frame.toString())])
      return 'sent'
    },
    together: () => {},
    bufferedBytes: () => 0,
    close: () => {},
  }
  const connection = new Connection(context, socket, 'c-1', {
    limits: client,
    address: ADDRESS,
    ambient: { kind: 'none' },
  })
  const say = (frame: object) => connection.message(Buffer.from(JSON.stringify(frame)), true)
  say({ type: 'hello', protocol: PROTOCOL_VERSION, client: 'test' })
  const command = (id: string) => say({ type: 'command', id, entity: 'user', key: '1', command: 'touch', input: {} })
  for (const id of ['a', 'b', 'c']) command(id)
  writes.length = 0
  const written = () => writes.map((frames) => frames.map((frame) => (frame.type === 'answer' ? frame.id : frame.type)))
  return { connection, settles, written, limits, client }
}

it('G-COMMAND-14 answers that are ready in one turn leave by one write', async () => {
  const { settles, written } = connect()
  for (const settle of settles) settle()
  expect(written()).toEqual([])
  await endOfTurn()
  expect(written()).toEqual([['a', 'b', 'c']])
})

it('G-COMMAND-14 answers that follow soon leave together, by the next write', async () => {
  const { settles, written } = connect()
  settles[0]!()
  await endOfTurn()
  settles[1]!()
  await endOfTurn()
  settles[2]!()
  await expect.poll(written).toEqual([['a'], ['b', 'c']])
})

it('G-COMMAND-14 a frame that is sent after answers leaves behind them', async () => {
  const { connection, settles, written } = connect()
  settles[0]!()
  settles[1]!()
  connection.drain(1, 2, 'deploy')
  settles[2]!()
  await endOfTurn()
  expect(written()).toEqual([['a', 'b'], ['drain'], ['c']])
})

it('G-COMMAND-14 a client that is turned away has its answers first', () => {
  const { connection, settles, written } = connect()
  settles[0]!()
  connection.shed()
  expect(written()).toEqual([['a'], ['error']])
})

it('G-SHARE-7 what answers a client counts with its work, as it is written', async () => {
  const { settles, limits, client } = connect(() => {
    // More than there is at once.
    for (const until = performance.now() + 15; performance.now() < until; );
  })
  limits.observeLoop(1)
  limits.open({ name: '203.0.113.2', isLoopback: false, isProxied: false }).worked(1)
  for (const settle of settles) settle()
  expect(client.workWaitMs()).toBe(0)
  await endOfTurn()
  expect(client.workWaitMs()).toBeGreaterThan(0)
})
