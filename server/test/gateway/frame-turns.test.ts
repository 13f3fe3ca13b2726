import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { FrameTurns } from '../../src/gateway/frame-turns.ts'

interface Frame {
  readonly bytes: number
  readonly id: string
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Readers that write down what they read, and take a while for each frame. */
function open(busyMs: number) {
  const turns = new FrameTurns<Frame>(systemClock, (frame) => frame)
  const read: string[] = []
  const reader = (name: string, share = { waitMs: 0 }, purse: object = {}) => ({
    purse,
    read({ id }: Frame) {
      read.push(`${name}${id}`)
      const until = performance.now() + busyMs
      while (performance.now() < until);
    },
    waitMs: () => share.waitMs,
    overflow() {
      read.push(`${name} ends`)
    },
  })
  return { turns, read, reader }
}

const frame = (id: number, bytes = 10): Frame => ({ id: String(id), bytes })

describe('turns of frames', () => {
  it('G-TURN-1 who sends little is read at once and in every round, whatever another has sent', async () => {
    const { turns, read, reader } = open(1)
    const [flood, good] = [reader('f'), reader('g')]
    for (let i = 0; i < 30; i++) turns.take(flood, frame(i))
    turns.take(good, frame(0))
    expect(read.length).toBeLessThan(10)
    expect(read.at(-1)).toBe('g0')
    for (let i = 1; i < 5; i++) turns.take(good, frame(i))
    while (turns.waitingBytes > 0) await turn()
    const of = (name: string) => read.filter((each) => each.startsWith(name))
    expect(of('f')).toEqual(Array.from({ length: 30 }, (_, i) => `f${i}`))
    expect(of('g')).toEqual(['g0', 'g1', 'g2', 'g3', 'g4'])
    expect(read.indexOf('g4')).toBeLessThan(read.indexOf('f20'))
  })

  it('G-TURN-1 a caller with many connections has the turns of one', async () => {
    const { turns, read, reader } = open(1)
    const [flooder, good] = [{}, reader('g')]
    const flood = Array.from({ length: 20 }, () => reader('f', { waitMs: 0 }, flooder))
    for (const each of flood) turns.take(each, frame(0))
    expect(read.length).toBeLessThan(10)
    for (let i = 0; i < 4; i++) turns.take(good, frame(i))
    while (turns.waitingBytes > 0) await turn()
    expect(read.filter((each) => each === 'f0')).toHaveLength(20)
    expect(read.slice(0, read.indexOf('g3')).filter((each) => each === 'f0').length).toBeLessThan(10)
  })

  it('G-TURN-2 of the connections of one caller 4 MiB wait, and its connections are closed beyond that while it has to wait', () => {
    const { turns, read, reader } = open(0)
    const [flooder, share] = [{}, { waitMs: 1 }]
    const good = reader('g', { waitMs: 1 })
    for (let i = 0; i < 30; i++)
      for (let n = 0; n < 2; n++) turns.take(reader(`${i}-`, share, flooder), frame(n, 250_000))
    expect(turns.waitingBytes).toBeLessThanOrEqual(4 * 1_048_576)
    expect(read.length).toBeGreaterThan(40)
    expect(read.every((each) => each.endsWith(' ends'))).toBe(true)
    turns.take(good, frame(0, 250_000))
    expect(read).not.toContain('g ends')
  })

  it('G-TURN-2 what waits is bounded: beyond it the sender is read as it sends', () => {
    const { turns, read, reader } = open(1)
    const flood = reader('f')
    for (let i = 0; i < 20; i++) turns.take(flood, frame(i, 200_000))
    expect(turns.waitingBytes).toBeLessThanOrEqual(1_048_576)
    expect(read.length).toBeGreaterThanOrEqual(14)
  })

  it('G-TURN-1 frames that were put back come before those that came later; of a connection that has ended nothing is read', async () => {
    const { turns, read, reader } = open(3)
    const [one, two] = [reader('a'), reader('b')]
    for (let i = 0; i < 3; i++) turns.take(one, frame(i))
    turns.putBack(one, [frame(8), frame(9)])
    for (let i = 0; i < 3; i++) turns.take(two, frame(i))
    turns.forget(two)
    while (turns.waitingBytes > 0) await turn()
    expect(read.filter((each) => each.startsWith('a'))).toEqual(['a0', 'a8', 'a9', 'a1', 'a2'])
    expect(read.filter((each) => each.startsWith('b'))).toEqual(['b0'])
  })

  it('G-SHARE-1 frames of one that has used up its share wait in their order, and others are read', async () => {
    const { turns, read, reader } = open(0)
    const share = { waitMs: 100 }
    const [flood, good] = [reader('f', share), reader('g')]
    for (let i = 0; i < 3; i++) turns.take(flood, frame(i))
    for (let i = 0; i < 3; i++) turns.take(good, frame(i))
    for (let i = 0; i < 5; i++) await turn()
    expect(read).toEqual(['g0', 'g1', 'g2'])
    expect(turns.waitingBytes).toBe(30)
    share.waitMs = 0
    await expect.poll(() => read.slice(3)).toEqual(['f0', 'f1', 'f2'])
    expect(turns.waitingBytes).toBe(0)
  })

  it('G-SHARE-2 more than 1 MiB or 256 frames that wait for a share end their connection, and are dropped', () => {
    const { turns, read, reader } = open(0)
    const [bytes, frames, good] = [reader('b', { waitMs: 1 }), reader('f', { waitMs: 1 }), reader('g')]
    for (let i = 0; i < 5; i++) turns.take(bytes, frame(i, 200_000))
    for (let i = 0; i < 256; i++) turns.take(frames, frame(i))
    expect(read).toEqual([])
    turns.take(bytes, frame(5, 200_000))
    turns.take(frames, frame(256))
    turns.take(good, frame(0))
    expect(read).toEqual(['b ends', 'f ends', 'g0'])
    expect(turns.waitingBytes).toBe(0)
  })
})
