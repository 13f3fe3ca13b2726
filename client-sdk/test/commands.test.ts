import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  CommandRejected,
  createClient,
  type RecoveredCommand,
  type TidegateClient,
  TidegateError,
} from '../src/node.ts'
import { type Peer, ScriptedServer, until } from './support/scripted-server.ts'

let server: ScriptedServer
let client: TidegateClient

beforeEach(async () => {
  server = await ScriptedServer.start()
  client = createClient({ url: server.url, connect: true })
})
afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  await server.close()
})

type Options = Parameters<TidegateClient['command']>[4]
/** Sends `n` as the input of `set`; its failure is looked at later, if at all. */
function send(key: string, n: number, options: Options = {}) {
  const outcome = client.command('user', key, 'set', { n }, options)
  outcome.catch(() => {})
  return outcome
}
const inputs = (frames: readonly { readonly key: string; readonly input: unknown }[]) =>
  frames.map(({ key, input }) => `${key}${(input as { n: number }).n}`)
async function unanswered(peer: Peer): Promise<string[]> {
  await peer.settled()
  return inputs(peer.received.filter((frame) => frame.type === 'command'))
}

describe('command', () => {
  test('C-COMMAND-7 done - has version, events and reply', async () => {
    const peer = await server.greeted()
    const outcome = client.command('user', '42', 'set', { n: 1 }, { expectedVersion: '3@e', deadlineMs: 5_000 })
    const frame = await peer.take('command')
    expect(frame).toEqual({
      ...{ type: 'command', id: expect.stringMatching(/^tg\.[0-9a-z]+\.[0-9a-z]+$/), entity: 'user', key: '42' },
      ...{ command: 'set', input: { n: 1 }, expectedVersion: '3@e', deadlineMs: expect.any(Number) },
    })
    expect(frame.deadlineMs).toBeGreaterThan(4_000)
    expect(frame.deadlineMs).toBeLessThanOrEqual(5_000)
    const events = [{ type: 'wasSet', data: { n: 1 } }]
    peer.send({ type: 'answer', id: frame.id, status: 'done', version: 4, epoch: 'e', events, reply: { ok: true } })
    expect(await outcome).toEqual({ version: 4, epoch: 'e', at: '4@e', events, reply: { ok: true } })
  })

  test('C-COMMAND-7 rejected - by the entity is one kind of error, by anything else another', async () => {
    const peer = await server.greeted()
    const rejected = async (answer: object) => {
      const outcome = send('42', 1)
      const { id } = await peer.take('command')
      const says = { type: 'answer', id, status: 'rejected', message: 'text', ...answer }
      peer.send(says as Parameters<Peer['send']>[0])
      const error: unknown = await outcome.catch((error) => error)
      expect(error).toMatchObject({ ...answer, message: 'text', commandId: id })
      return error
    }
    expect(await rejected({ code: 'user_already_exists', version: 3, epoch: 'e' })).toBeInstanceOf(CommandRejected)
    expect(await rejected({ code: 'version_conflict', version: 3, epoch: 'e' })).toBeInstanceOf(CommandRejected)
    expect(await rejected({ code: 'invalid_input', path: 'n' })).toBeInstanceOf(CommandRejected)
    for (const code of ['handler_failed', 'unknown_command', 'outcome_unknown', 'internal', 'conflict', 'expired']) {
      expect(await rejected({ code })).toBeInstanceOf(TidegateError)
    }
  })

  test('C-COMMAND-2 order - of one key one is on the wire, unless pipelined', async () => {
    const peer = await server.greeted()
    const outcomes = [send('a', 1), send('a', 2), send('a', 3, { pipelined: true }), send('b', 1), send('a', 4)]
    const [first] = await peer.takeCommands(2)
    expect(await unanswered(peer)).toEqual(['a1', 'b1'])
    peer.done(first!.id)
    const next = await peer.takeCommands(2)
    expect(inputs(next)).toEqual(['a2', 'a3'])
    peer.done(next[1]!.id)
    expect(await unanswered(peer)).toEqual(['a1', 'b1', 'a2', 'a3'])
    peer.done(next[0]!.id)
    const last = await peer.take('command')
    peer.done(last.id)
    peer.done((peer.received.find((frame) => frame.type === 'command' && frame.key === 'b') as typeof last).id)
    expect(await Promise.all(outcomes)).toHaveLength(5)
  })

  test('C-COMMAND-2 C-COMMAND-4 order - a pipelined command waits while one before it is refused', async () => {
    const peer = await server.greeted()
    send('a', 1)
    const [first] = await peer.takeCommands(1)
    peer.refuse(first!.id, 'overloaded', 80)
    await peer.settled()
    send('a', 2, { pipelined: true })
    send('b', 1)
    expect(await unanswered(peer)).toEqual(['a1', 'b1'])
    await peer.takeCommands(3)
    expect(await unanswered(peer)).toEqual(['a1', 'b1', 'a1', 'a2'])
  })

  test('C-COMMAND-3 wire - carries 64 commands at most', async () => {
    const peer = await server.greeted()
    for (let n = 0; n < 70; n++) send(`k${n}`, n)
    const frames = await peer.takeCommands(64)
    expect(await unanswered(peer)).toHaveLength(64)
    peer.done(frames[5]!.id)
    expect(inputs([await peer.take('command')])).toEqual(['k6464'])
  })

  test('C-COMMAND-1 C-COMMAND-4 refused for now - goes again after the wait with the same id and its age', async () => {
    const peer = await server.greeted()
    const outcome = send('42', 1)
    const first = await peer.take('command')
    expect(first).not.toHaveProperty('ageMs')
    const refusedAt = performance.now()
    peer.refuse(first.id, 'unavailable', 60)
    const second = await peer.take('command')
    expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(59)
    expect(second).toMatchObject({ id: first.id, input: first.input })
    expect(second.ageMs).toBeGreaterThanOrEqual(59)
    expect(second.deadlineMs).toBeLessThan(first.deadlineMs!)
    // Not due: it was answered before.
    peer.refuse('another', 'unavailable', 0)
    peer.done(first.id)
    await outcome
  })

  test('C-COMMAND-5 lost connection - what has no outcome goes again first and in order', async () => {
    const first = await server.greeted()
    const outcomes = [send('a', 1), send('b', 1), send('a', 2)]
    const [a] = await first.takeCommands(2)
    first.refuse(a!.id, 'overloaded', 60_000)
    await first.settled()
    first.socket.terminate()
    outcomes.push(send('a', 3))
    const second = await server.greeted()
    const again = await second.takeCommands(2)
    expect(inputs(again)).toEqual(['a1', 'b1'])
    for (const { ageMs } of again) expect(ageMs).toBeGreaterThanOrEqual(0)
    for (const { id } of again) second.done(id)
    for (let n = 2; n < 4; n++) second.done((await second.take('command')).id)
    expect(await Promise.all(outcomes)).toHaveLength(4)
    expect(await unanswered(second)).toEqual(['a1', 'b1', 'a2', 'a3'])
  })

  test('C-COMMAND-5 drain - what is on its way is answered, the rest goes on the other', async () => {
    client.subscribe('a.b')
    const first = await server.greeted()
    const outcomes = [send('a', 1), send('b', 1)]
    const [a] = await first.takeCommands(2)
    first.send({ type: 'drain', reconnectInMs: 20, deadlineMs: 5_000, reason: 'deploy' })
    const second = await server.peer()
    outcomes.push(send('c', 1))
    first.done(a!.id)
    await outcomes[0]
    await second.greet()
    const again = await second.takeCommands(2)
    expect(inputs(again)).toEqual(['b1', 'c1'])
    for (const { id } of again) second.done(id)
    expect(await Promise.all(outcomes)).toHaveLength(3)
    expect(first.received.filter(({ type }) => type === 'command')).toHaveLength(2)
  })

  test('C-COMMAND-6 C-COMMAND-1 deadline - says whether it was sent, and the id asks for the outcome', async () => {
    const peer = await server.greeted()
    const outcome = send('a', 1, { deadlineMs: 120 })
    const behind = send('a', 2, { deadlineMs: 60 })
    const { id } = await peer.take('command')
    await expect(behind).rejects.toMatchObject({ code: 'outbox_expired', retryable: true })
    const error: unknown = await outcome.catch((error) => error)
    expect(error).toMatchObject({ code: 'deadline_exceeded', retryable: true, commandId: id })
    // Too late.
    peer.done(id)
    const asked = send('a', 1, { id })
    const again = await peer.take('command')
    expect(again).toMatchObject({ id, input: { n: 1 } })
    expect(again.ageMs).toBeGreaterThanOrEqual(119)
    peer.done(id)
    expect(await asked).toMatchObject({ at: '1@e' })
    send('a', 3, { id: 'mine' })
    expect(await peer.take('command')).not.toHaveProperty('ageMs')
  })

  test('C-COMMAND-6 deadline - what the server refused until then is the cause', async () => {
    const peer = await server.greeted()
    const outcome = send('a', 1, { deadlineMs: 100 })
    peer.refuse((await peer.take('command')).id, 'overloaded', 60_000)
    await expect(outcome).rejects.toMatchObject({ code: 'deadline_exceeded', cause: { code: 'overloaded' } })
  })

  test('C-COMMAND-8 same id - joins the command that has no outcome; with other content it is a conflict', async () => {
    const peer = await server.greeted()
    const outcomes = [send('a', 1, { id: 'x' }), send('a', 1, { id: 'x' })]
    await expect(send('a', 2, { id: 'x' })).rejects.toMatchObject({ code: 'conflict', commandId: 'x' })
    await peer.take('command')
    expect(await unanswered(peer)).toEqual(['a1'])
    peer.done('x')
    const [first, second] = await Promise.all(outcomes)
    expect(second).toBe(first)
  })

  test('C-COMMAND-9 what cannot be sent is rejected at once', async () => {
    const peer = await server.greeted()
    for (const id of ['', 'http:1', 'then:1', 'outcome:1', 'i'.repeat(129), '\ud800']) {
      await expect(send('a', 1, { id })).rejects.toMatchObject({ code: 'invalid_frame' })
    }
    for (const deadlineMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      await expect(send('a', 1, { deadlineMs })).rejects.toMatchObject({ code: 'invalid_frame' })
    }
    for (const expectedVersion of ['x', '1@', -1, 1.5, Number.NaN]) {
      await expect(send('a', 1, { expectedVersion })).rejects.toMatchObject({ code: 'invalid_frame' })
    }
    await expect(send('\ud800', 1)).rejects.toMatchObject({ code: 'invalid_frame' })
    await expect(send('k'.repeat(1_048_576), 1)).rejects.toMatchObject({ code: 'frame_too_large' })
    expect(await unanswered(peer)).toEqual([])
    const small = createClient({ url: server.url, connect: true, outbox: { maxFrames: 1 } })
    small.command('user', 'a', 'set', { n: 1 }).catch(() => {})
    await expect(small.command('user', 'b', 'set', { n: 1 })).rejects.toMatchObject({ code: 'outbox_full' })
    await small.close({ deadlineMs: 0 })
  })

  /** Done with an event, as `version` under an epoch of the log of partition 3. */
  const changed = (peer: Peer, { id }: { readonly id: string }, version: number, epoch: string) =>
    peer.send({
      ...{ type: 'answer', id, status: 'done', version, epoch, events: [{ type: 'wasSet', data: {} }] },
      position: `3@${epoch}/${version}-0.0`,
    })

  test('C-COMMAND-11 C-COMMAND-12 new epoch - what may be lost goes again before what is new, and says when it has another answer', async () => {
    const peer = await server.greeted()
    const recovered: RecoveredCommand[] = []
    client.onRecovered((command) => recovered.push(command))
    const first = [send('a', 1), send('a', 2), send('b', 1)]
    const sent = [...(await peer.takeCommands(2))]
    changed(peer, sent[0]!, 1, 'e')
    changed(peer, sent[1]!, 1, 'e')
    sent.push(await peer.take('command'))
    changed(peer, sent[2]!, 2, 'e')
    const told = await Promise.all(first)
    // On the wire, behind it in line, and of an entity of its own.
    send('a', 3)
    const third = await peer.take('command')
    send('a', 4)
    send('c', 1)
    const own = await peer.take('command')
    const done = { type: 'answer', status: 'done', version: 7, epoch: 'e', events: [], position: '3@e/1-0.0' } as const
    peer.send({ ...done, id: own.id })
    await peer.settled()
    peer.send({ type: 'epoch', at: ['2@f'] })
    peer.send({ type: 'epoch', at: ['3@f'] })
    const again = await peer.takeCommands(2)
    expect(inputs(again)).toEqual(['a1', 'b1'])
    expect(again.map(({ id }) => id)).toEqual([sent[0]!.id, sent[1]!.id])
    for (const { ageMs } of again) expect(ageMs).toBeGreaterThanOrEqual(0)
    // Lost, and decided anew; and not lost.
    changed(peer, again[0]!, 5, 'f')
    peer.send({ ...told[2]!, type: 'answer', id: again[1]!.id, status: 'done', position: '3@f/9-0.0' } as never)
    const next = await peer.take('command')
    expect(inputs([next])).toEqual(['a2'])
    peer.refuse(next.id, 'version_conflict')
    // It was stored before the new epoch.
    changed(peer, third, 3, 'e')
    const last = await peer.take('command')
    expect(inputs([last])).toEqual(['a3'])
    changed(peer, last, 6, 'f')
    expect(inputs([await peer.take('command')])).toEqual(['a4'])
    await until(() => recovered.length === 3, 'three other answers')
    const of = { entity: 'user', key: 'a', command: 'set' }
    expect(recovered).toMatchObject([
      {
        ...{ ...of, commandId: sent[0]!.id, before: told[0] },
        now: { status: 'done', answer: { version: 5, at: '5@f' } },
      },
      {
        ...{ ...of, commandId: sent[2]!.id, before: told[1] },
        now: { status: 'rejected', error: { code: 'version_conflict' } },
      },
      { ...of, commandId: third.id, before: { at: '3@e' }, now: { status: 'done', answer: { at: '6@f' } } },
    ])
  })

  test('C-COMMAND-13 C-COMMAND-14 order - behind a kept command the log must have its epoch; under another one that goes first', async () => {
    const peer = await server.greeted()
    send('a', 1)
    const first = await peer.take('command')
    expect(first).not.toHaveProperty('epoch')
    changed(peer, first, 1, 'e')
    await peer.settled()
    for (const n of [2, 3]) send('a', n, { pipelined: true })
    send('b', 1)
    const behind = await peer.takeCommands(3)
    expect(behind.map(({ key, epoch, after }) => [key, epoch, after])).toEqual([
      ['a', 'e', undefined],
      ['a', 'e', behind[0]!.id],
      ['b', undefined, undefined],
    ])
    for (const { id } of behind.slice(0, 2)) {
      const message = 'The log has another epoch.'
      peer.send({ type: 'answer', id, status: 'rejected', code: 'epoch_changed', message, epoch: 'f', retryAfterMs: 0 })
    }
    const [again] = await peer.takeCommands(1)
    expect([inputs([again!]), again!.epoch]).toEqual([['a1'], undefined])
    expect((await unanswered(peer)).slice(4)).toEqual(['a1'])
    changed(peer, again!, 1, 'f')
    // Each waits for the one before it now.
    for (const [i, name] of ['a2', 'a3'].entries()) {
      const next = await peer.take('command')
      expect([inputs([next]), next.epoch]).toEqual([[name], 'f'])
      expect((await unanswered(peer)).length).toBe(6 + i)
      changed(peer, next, 2 + i, 'f')
    }
  })

  test('C-COMMAND-11 next gateway - hears of the epochs and of the newest answer', async () => {
    const first = await server.greeted()
    for (const version of [2, 1]) {
      send('a', version)
      changed(first, await first.take('command'), version, 'e')
    }
    await first.settled()
    first.socket.terminate()
    const second = await server.peer()
    expect(await second.greet()).toMatchObject({
      ...{ epochs: ['3@e'], acked: [{ topic: '~answers', at: '3@e/2-0.0' }] },
    })
    second.send({ type: 'epoch', at: ['3@f'] })
    send('a', 3)
    expect(inputs(await second.takeCommands(1))).toEqual(['a3'])
    await second.settled()
  })

  test('C-COMMAND-10 close - waits for outcomes, and rejects what has none with its id', async () => {
    const peer = await server.greeted()
    const outcome = send('a', 1)
    const { id } = await peer.take('command')
    const unsent = send('a', 2)
    const late = send('b', 1)
    const lateId = (await peer.take('command')).id
    const closed = client.close({ deadlineMs: 150 })
    peer.done(id)
    await outcome
    await closed
    await expect(late).rejects.toMatchObject({ code: 'closed', commandId: lateId })
    await expect(unsent).rejects.toMatchObject({ code: 'closed' })
    await expect(send('a', 1)).rejects.toMatchObject({ code: 'closed' })
  })
})
