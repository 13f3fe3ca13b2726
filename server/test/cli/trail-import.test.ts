import { describe, expect, test } from 'vitest'
import { TrailImport } from '../../src/cli/entities/trail-import.ts'
import { numberedLines } from '../../src/cli/terminal/numbered-lines.ts'
import type { CommandRequest as GatewayRequest } from '../../src/commands/index.ts'
import type { CommandOutcome } from '../../src/entities/index.ts'
import { definition } from '../entities/counter.ts'

const event = (key: string, version: number, data: object = { n: 1 }) =>
  JSON.stringify({
    ...{ entity: 'counter', key, version, type: 'added', definition: 2, time: version, commandId: `x-${version}` },
    data,
  })

type CommandRequest = Omit<GatewayRequest, 'caller'>

/** An import into nothing, whose owner answers as a test says. */
function importOf(answer: (request: CommandRequest) => CommandOutcome | Promise<CommandOutcome>) {
  const sent: CommandRequest[] = []
  const versions = new Map<string, number>()
  const trails = new TrailImport({
    definition,
    store: {
      stored: async (key) => ({ record: undefined, cut: 0, version: versions.get(key) ?? 0 }),
      entries: async () => [],
    },
    send: async (request) => {
      sent.push(request)
      return answer(request)
    },
    onProgress: () => {},
  })
  const run = (...lines: string[]) => trails.run(numberedLines(inputOf(Buffer.from(lines.join('\n'))), 100_000))
  return { run, sent, trails, versions }
}

async function* inputOf(...chunks: Uint8Array[]) {
  yield* chunks
}

const done: CommandOutcome = { status: 'done', version: 1, epoch: 'e', events: [] }
const linesOf = ({ input }: CommandRequest) => (input as { lines: object[] }).lines

describe('import of lines', () => {
  test('X-ENTITY-6 a piece that is refused for a passing reason is sent again under its id', async () => {
    const busy: CommandOutcome = { status: 'rejected', code: 'overloaded', message: 'later', retryAfterMs: 1 }
    const { run, sent, trails } = importOf(() => (sent.length < 3 ? busy : done))
    await run(event('a', 1))
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1)
    expect(sent.map(({ ageMs }) => ageMs !== undefined)).toEqual([false, true, true])
    expect(trails.counts).toEqual({ entities: 1, events: 1, unchanged: 0 })
  })

  test('X-ENTITY-6 pieces are bounded; those of an entity follow one another, others are sent meanwhile', async () => {
    const open = new Map<string, number>()
    let [most, mostOfAll] = [0, 0]
    const { run, sent, trails } = importOf(async ({ key }) => {
      open.set(key, (open.get(key) ?? 0) + 1)
      most = Math.max(most, open.get(key)!)
      mostOfAll = Math.max(
        mostOfAll,
        [...open.values()].reduce((sum, count) => sum + count, 0),
      )
      await new Promise((resolve) => setImmediate(resolve))
      open.set(key, open.get(key)! - 1)
      return done
    })
    const many = Array.from({ length: 150 }, (_, i) => event('many', i + 1))
    const large = Array.from({ length: 3 }, (_, i) => event('large', i + 1, { n: 1, text: 'ё'.repeat(20_000) }))
    const others = Array.from({ length: 100 }, (_, i) => event(`k-${i}`, 1))
    await run(...many, ...large, ...others)
    const counts = (key: string) =>
      sent.filter((request) => request.key === key).map((request) => linesOf(request).length)
    expect([counts('many'), counts('large')]).toEqual([
      [64, 64, 22],
      [1, 1, 1],
    ])
    expect(most).toBe(1)
    expect([mostOfAll > 1, mostOfAll <= 32]).toEqual([true, true])
    expect(trails.counts).toEqual({ entities: 102, events: 253, unchanged: 0 })
  })

  test('X-ENTITY-8 the place of a refusal is that of its line, and the first one is told', async () => {
    const refusal = (key: string): CommandOutcome => ({
      ...{ status: 'rejected', code: 'invalid_input', message: 'no' },
      ...(key === 'b' && { path: 'lines.1' }),
    })
    const { run, trails } = importOf(({ key }) => (key === 'a' ? done : refusal(key)))
    await expect(run(event('a', 1), event('b', 1), '', event('b', 2), event('c', 1), '{')).rejects.toThrow(
      /^line 4: invalid_input: no$/,
    )
    expect(trails.counts.events).toBe(1)
  })

  test('X-ENTITY-8 lines of an entity stand together', async () => {
    const { run, versions } = importOf(({ key }) => {
      versions.set(key, 1)
      return done
    })
    await expect(run(event('a', 1), event('b', 1), event('a', 2))).rejects.toThrow('line 3: version 2 does not follow')
  })

  test('X-ENTITY-8 lines are cut from chunks of any size; one that is too long, or no UTF-8, ends them with its number', async () => {
    const text = Buffer.from('{"a":"ё"}\n\n7\r\nlast')
    for (const size of [1, 2, 3, 100]) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.subarray(i * size, (i + 1) * size),
      )
      const lines: unknown[] = []
      for await (const { number, text } of numberedLines(inputOf(...chunks), 100)) lines.push([number, text.trim()])
      expect(lines).toEqual([
        [1, '{"a":"ё"}'],
        [3, '7'],
        [4, 'last'],
      ])
    }
    const all = async (...chunks: Uint8Array[]) => {
      for await (const _ of numberedLines(inputOf(...chunks), 10));
    }
    await expect(all(Buffer.from('1\n'), Buffer.alloc(6, 48), Buffer.alloc(6, 48))).rejects.toThrow(
      'line 2: longer than 10',
    )
    await expect(all(Buffer.from([49, 10, 0xff, 10]))).rejects.toThrow('line 2: it is no UTF-8')
  })
})
