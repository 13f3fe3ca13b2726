import { afterEach, describe, expect, it, vi } from 'vitest'
import { Log } from '../../../src/bus/log/log.ts'
import { type Clock, systemClock } from '../../../src/clock.ts'
import { Replayer } from '../../../src/delivery/log/replayer.ts'
import { SharedHeads } from '../../../src/delivery/log/shared-heads.ts'
import { slowestSubscribers } from '../../../src/delivery/slow-subscribers.ts'
import { Flusher } from '../../../src/delivery/wire/flusher.ts'
import { ONLY_READER } from '../../../src/limits/index.ts'
import { useBus, useRedis } from '../../support/use-redis.ts'
import { ModelNode, TOPIC } from '../model-node.ts'
import { SimulatedSocket } from '../support.ts'

const HOUR_MS = 3_600_000

const { server } = await useRedis()
const opened = useBus(server, 1)

afterEach(() => void vi.useRealTimers())

/** Time passes while the wall clock is set back by an hour. */
class SetBack implements Clock {
  #wall = 5 * HOUR_MS
  #passed = 10 * HOUR_MS
  now = () => this.#wall
  monotonic = () => this.#passed

  pass(ms: number): void {
    this.#wall += ms - HOUR_MS
    this.#passed += ms
  }
}

describe('a wall clock that is set back', () => {
  it('D-CLOCK-1 does not keep back what waits for company', async () => {
    vi.useFakeTimers()
    const flusher = new Flusher(systemClock)
    let flushes = 0
    const session = {
      purse: {},
      flush: () => {
        flushes++
        return false
      },
    }
    flusher.schedule(session, 100)
    await vi.advanceTimersByTimeAsync(50)
    vi.setSystemTime(Date.now() - HOUR_MS)
    await vi.advanceTimersByTimeAsync(60)
    expect(flushes).toBe(1)
  })

  it('D-CLOCK-1 does not keep back what `maxRate` thins', () => {
    const node = new ModelNode()
    const socket = new SimulatedSocket()
    const session = node.openSubscriber(socket)
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, maxRate: 5 })
    const arrive = (id: string) => {
      node.append(0, [{ id, key: 'k' }])
      node.tail(0)
      node.flush()
    }
    arrive('first')
    node.wallBehindMs = HOUR_MS
    node.now += 300
    arrive('second')
    expect(socket.ids()).toEqual(['first', 'second'])
  })

  it('D-CLOCK-1 does not tell how long a session has been congested', () => {
    const node = new ModelNode()
    node.wallBehindMs = HOUR_MS
    const session = node.openSubscriber(new SimulatedSocket(), { windowBytes: 2_000, mode: 'credit' })
    session.sendControl({ type: 'result', id: 0, data: 'x'.repeat(2_000) })
    node.now += 700.4
    const [slow] = slowestSubscribers([session], 1, node.now)
    expect(slow!.congestedMs).toBe(700)
  })

  it('D-CLOCK-1 does not make the end of a log fresh again', async () => {
    const clock = new SetBack()
    const heads = new SharedHeads(opened.bus, clock)
    const asked = heads.read(0, ['a.x'])
    clock.pass(10)
    expect(heads.read(0, ['a.x'])).toBe(asked)
    clock.pass(200)
    const again = heads.read(0, ['a.x'])
    expect(again).not.toBe(asked)
    await Promise.all([asked, again])
  })

  it('D-CLOCK-1 does not make a page fresh again that said where a log ends', async () => {
    const clock = new SetBack()
    const replayer = new Replayer(
      opened.bus,
      clock,
      () => undefined,
      () => {},
    )
    const reads = vi.spyOn(Log.prototype, 'page')
    const readOnce = () =>
      new Promise<void>((resolve, fail) => {
        const request = {
          topic: 'a.x',
          partition: 0,
          from: '0-0',
          entries: 10,
          onPage: () => resolve(),
          onTooLarge: fail,
        }
        replayer.request({ reader: ONLY_READER, nextPage: () => request, fail })
      })
    await readOnce()
    clock.pass(10)
    await readOnce()
    expect(reads).toHaveBeenCalledTimes(1)
    clock.pass(200)
    await readOnce()
    expect(reads).toHaveBeenCalledTimes(2)
    reads.mockRestore()
    replayer.close()
  })
})
