import { CLOSE, DEFAULTS, PROTOCOL_VERSION } from '@tidegate/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ANYBODY } from '../../src/access/index.ts'
import { systemClock } from '../../src/clock.ts'
import type { ConnectionContext } from '../../src/gateway/connection.ts'
import { HELLO_TICKS } from '../../src/gateway/greeting.ts'
import type { RouteContext } from '../../src/gateway/http/route-context.ts'
import { Admission, Gateway, PageGuard } from '../../src/gateway/index.ts'
import { PublishControl } from '../../src/ingest/index.ts'
import { ClientAddresses, DEFAULT_SETTINGS, Limits } from '../../src/limits/index.ts'

const HOUR_MS = 3_600_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const setBack = () => vi.setSystemTime(Date.now() - HOUR_MS)

/** A gateway of which only the parts that keep time are there. */
function openGateway({ appendMs = 0, authenticate = (): unknown => ANYBODY } = {}) {
  const sent: { type: string; time?: number }[] = []
  const closed: number[] = []
  const publishControl = new PublishControl()
  const gateway = new Gateway(
    {
      clock: systemClock,
      access: { authenticate, admits: () => true },
      admission: new Admission(1_000_000),
      publishControl,
      ingest: { takeLongestAppendMs: () => appendMs, epochs: [] },
      delivery: {
        queueShare: 0,
        openSubscriber: () => ({ sendControl: (frame: { type: string }) => sent.push(frame) }),
      },
      report: (where: string, error: unknown) => {
        throw new Error(where, { cause: error })
      },
    } as unknown as ConnectionContext,
    { streams: { tick: () => {} } } as unknown as RouteContext,
    new PageGuard({ host: '127.0.0.1', origins: [], hosts: [] }),
    {
      limits: new Limits({ settings: DEFAULT_SETTINGS, clock: systemClock }),
      addresses: new ClientAddresses(undefined),
    },
  )
  gateway.start()
  const socket = gateway.open(
    {
      send: () => 'sent',
      together: (sends) => sends(),
      bufferedBytes: () => 0,
      close: (code) => closed.push(code),
    },
    { remoteAddress: '127.0.0.1', certificate: undefined, header: () => undefined },
  )
  const hello = () => {
    const text = JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION, client: 'test' })
    socket.message(Buffer.from(text), true)
  }
  return { gateway, publishControl, sent, closed, hello }
}

it('G-FRAME-9 a client whose token cannot be checked in time may come back', async () => {
  const { closed, hello } = openGateway({ authenticate: () => new Promise(() => {}) })
  hello()
  await vi.advanceTimersByTimeAsync((HELLO_TICKS + 1) * 1_000)
  expect(closed).toContain(CLOSE.overload)
})

it('G-FRAME-9 a gateway that hung gives a client the time to be heard', async () => {
  const { closed } = openGateway()
  const { performance } = globalThis
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(closed).toEqual([])
})

describe('a wall clock that is set back', () => {
  it('G-CLOCK-1 G-FRAME-9 does not give a client more time to say hello', async () => {
    const { closed } = openGateway()
    await vi.advanceTimersByTimeAsync(1_000)
    setBack()
    await vi.advanceTimersByTimeAsync(HELLO_TICKS * 1_000)
    expect(closed).toContain(CLOSE.idle)
  })

  it('G-CLOCK-1 does not keep a silent client, nor pings from it', async () => {
    const { sent, closed, hello } = openGateway()
    hello()
    setBack()
    await vi.advanceTimersByTimeAsync(DEFAULTS.pingMs + 1_000)
    const pings = sent.filter(({ type }) => type === 'ping')
    expect(pings).toHaveLength(1)
    // It says what time it is.
    expect(Date.now() - pings[0]!.time!).toBe(1_000)
    await vi.advanceTimersByTimeAsync(DEFAULTS.pingMs + 1_000)
    expect(closed).toContain(CLOSE.idle)
  })

  it('G-CLOCK-1 does not hold the publish grant where it is', async () => {
    const { publishControl } = openGateway({ appendMs: 500 })
    await vi.advanceTimersByTimeAsync(100)
    expect(publishControl.grant.frames).toBe(DEFAULTS.publishFrames / 2)
    setBack()
    await vi.advanceTimersByTimeAsync(300)
    expect(publishControl.grant.frames).toBe(DEFAULTS.publishFrames / 4)
  })
})
