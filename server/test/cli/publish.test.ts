import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createClient } from '@tidegate/client/node'
import { afterAll, afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { runCommand } from '../support/command-line.ts'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'

const TOPIC = 'sensor.reading'
const gateway = await useGateway()
const UNUSED = await unusedAddress()
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

async function unusedAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return `http://127.0.0.1:${port}`
}

/** What is stored of a key, as `tidegate tail` has it. */
async function stored(key: string): Promise<number[]> {
  vi.stubEnv('REDIS_URL', gateway.redis.url)
  const { out } = await runCommand('tail', TOPIC, '--key', key, '--from', 'beginning', '--no-follow', '--json')
  const lines = out.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line).data.temperature)
}

const line = (sensorId: string, temperature: unknown) => JSON.stringify({ ...readingOf(sensorId, 0).data, temperature })

function publish(input: string, ...args: string[]) {
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([Buffer.from(input)]) as typeof process.stdin)
  return runCommand('publish', TOPIC, '--url', gateway.url, ...args)
}

describe('tidegate publish', () => {
  it('X-PUBLISH-1 stores one event of --data', async () => {
    expect(await publish('', '--data', line('one', 7))).toEqual({ code: 0, out: '1 stored, 0 refused\n', err: '' })
    expect(await stored('one')).toEqual([7])
  })

  it('X-PUBLISH-1 stores the lines of standard input in their order, several batches of them', async () => {
    const numbers = Array.from({ length: 1_203 }, (_, n) => n)
    const printed = await publish(`${numbers.map((n) => line('many', n)).join('\n\n')}\n`, '--json')
    expect(printed).toMatchObject({ code: 0, out: '{"stored":1203,"refused":0}\n' })
    expect(await stored('many')).toEqual(numbers)
  })

  it('X-PUBLISH-6 stores lines as they come, while the input goes on', async () => {
    const client = createClient({ url: gateway.url })
    onTestFinished(() => client.close({ deadlineMs: 0 }))
    const came: unknown[] = []
    const take = ({ data }: { readonly data: unknown }) => came.push((data as { temperature: number }).temperature)
    await client.subscribe(TOPIC, { keys: ['slow'] }, take).ready
    const input = new PassThrough()
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as unknown as typeof process.stdin)
    const publishing = runCommand('publish', TOPIC, '--url', gateway.url)
    for (const n of [1, 2, 3]) {
      input.write(`${line('slow', n)}\n`)
      await expect.poll(() => came).toHaveLength(n)
    }
    input.end()
    expect(await publishing).toMatchObject({ code: 0, out: '3 stored, 0 refused\n' })
    expect(came).toEqual([1, 2, 3])
  })

  it('X-PUBLISH-6 ends where a line cannot be stored, though more may come', async () => {
    const input = new PassThrough()
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as unknown as typeof process.stdin)
    input.write(`${line('a', 1)}\n`)
    const { code, err } = await runCommand('publish', 'no.such', '--url', gateway.url)
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('unknown_topic') })
    input.end()
  })

  it('X-PUBLISH-2 reports refused lines by number, code and reason, and stores the others', async () => {
    const lines = [line('some', 1), line('some', 'warm'), '', '{"sensorId":', line('some', 2)].join('\n')
    const { code, out, err } = await publish(lines)
    expect({ code, out }).toEqual({ code: 1, out: '2 stored, 2 refused\n' })
    expect(err).toMatch(
      /^line 2: invalid_data \(.*temperature.*\): .+\nline 4: invalid_frame: The line is no JSON\.\n$/,
    )
    expect(await stored('some')).toEqual([1, 2])
  })

  it('X-PUBLISH-2 says from which line on nothing was stored', async () => {
    const input = `${line('a', 1)}\n${line('a', 2)}\n`
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([Buffer.from(input)]) as typeof process.stdin)
    const { code, err } = await runCommand('publish', 'no.such', '--url', gateway.url)
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/line 1 and those after it: unknown_topic/),
    })
  })

  it('X-PUBLISH-4 --key fills the field of the key', async () => {
    const { sensorId: _, ...rest } = JSON.parse(line('x', 3))
    expect(await publish('', '--key', 'keyed', '--data', JSON.stringify(rest))).toMatchObject({ code: 0 })
    expect(await stored('keyed')).toEqual([3])
  })

  it.each([
    [['publish'], 2, /^say one topic/],
    [['publish', TOPIC, '--data', '{'], 2, /^--data: it is no JSON/],
    [['publish', TOPIC, '--url', 'localhost'], 2, /^--url: /],
    [['publish', TOPIC, '--data', '{}', '--token', 'x'], 2, /^Unknown option '--token'/],
    [['publish', TOPIC, '--data', '{}', '--url', UNUSED], 1, /does not answer: .*ECONNREFUSED/],
  ])('X-PUBLISH-3 X-PUBLISH-5 %j - ends with %i and says why', async (args, code, err) => {
    expect(await runCommand(...args)).toMatchObject({ code, err: expect.stringMatching(err) })
  })
})

it('X-PUBLISH-3 says what it waits for, and for how long', async () => {
  const error = { code: 'unavailable', message: 'Redis does not answer in time.' }
  const waits = [1_100, 50]
  const busy = createServer((_, response) => {
    const retryAfterMs = waits.shift()
    const [status, answer] =
      retryAfterMs === undefined ? [200, { rejected: [] }] : [503, { error: { ...error, retryAfterMs } }]
    response.writeHead(status).end(JSON.stringify(answer))
  }).listen(0, '127.0.0.1')
  await once(busy, 'listening')
  try {
    const { port } = busy.address() as AddressInfo
    const { code, err } = await runCommand('publish', TOPIC, '--data', '{}', '--url', `http://127.0.0.1:${port}`)
    expect([code, err]).toEqual([
      0,
      expect.stringMatching(/^unavailable: Redis does not answer in time. Tried again for 5\d s at most.\n/),
    ])
  } finally {
    busy.close()
  }
})

describe('tidegate publish - over a gateway whose first answer is lost', async () => {
  const seen: IncomingMessage[] = []
  /** Passes requests on, without their token, which this gateway would not know. */
  const proxy = createServer(async (request, response) => {
    seen.push(request)
    const { 'content-type': type = '', 'idempotency-key': key = '' } = request.headers
    const answer = await fetch(`${gateway.url}${request.url}`, {
      method: 'POST',
      headers: { 'content-type': type, 'idempotency-key': String(key) },
      body: await buffer(request),
    })
    if (seen.length === 1) request.socket.destroy()
    else response.writeHead(answer.status).end(await answer.text())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  afterAll(() => proxy.close())

  it('X-PUBLISH-3 X-PUBLISH-5 it is sent again with its token and stored once', async () => {
    vi.stubEnv('TIDEGATE_TOKEN', 'secret-of-a-collector')
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const printed = await publish('', '--url', url, '--data', line('lost', 5))
    expect(printed).toEqual({ code: 0, out: '1 stored, 0 refused\n', err: '' })
    const [first, second] = seen.map(({ headers }) => headers)
    expect(second?.['idempotency-key']).toBe(first?.['idempotency-key'])
    expect(second?.authorization).toBe('Bearer secret-of-a-collector')
    expect(await stored('lost')).toEqual([5])
  })
})
