import { fileURLToPath } from 'node:url'
import { createClient } from '@tidegate/client/node'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { entityHash, trailList } from '../../src/bus/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { runCommand } from '../support/command-line.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'
import config from './vault.config.ts'

/** Stands in every input, every event and every state. */
const MARKER = 'hush-7f3a9c'
const PARTITIONS = 4
const CONFIG = fileURLToPath(new URL('./vault.config.ts', import.meta.url))

const logged: string[] = []
const server = await useGateway(config.contract, { onDefect: (defect) => logged.push(String(defect.error)) })
const redis = await useConnection(server.redis.url)
let worker: RunningWorker

beforeAll(async () => {
  const log = (line: string) => logged.push(line)
  worker = await startWorker(
    { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'w', log },
    config.contract,
  )
  vi.stubEnv('REDIS_URL', server.redis.url)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await worker.close({ deadlineMs: 2_000 })
})

async function get(path: string): Promise<string> {
  return (await fetch(`${server.url}${path}`)).text()
}

async function post(command: string, id: string): Promise<{ readonly status: number; readonly text: string }> {
  const body = JSON.stringify({ owner: 'ann', secret: MARKER })
  const headers = { 'content-type': 'application/json', 'idempotency-key': id }
  const response = await fetch(`${server.url}/v1/entities/vault/a/${command}`, { method: 'POST', headers, body })
  return { status: response.status, text: await response.text() }
}

const hasMarker = (text: string): boolean => text.includes(MARKER)

/** Every value in Redis that holds the marker, by the name of its key within a partition. */
async function keysWithMarker(): Promise<string[]> {
  const found = new Set<string>()
  for (const key of await redis.keys('*')) {
    if (hasMarker(JSON.stringify(await contentOf(key)))) found.add(key.replace(/^\{tg:\d+\}:/, ''))
  }
  return [...found].sort()
}

async function contentOf(key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return redis.hgetall(key)
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'zset':
      return redis.zrange(key, '0', '-1')
    case 'set':
      return redis.smembers(key)
    case 'stream':
      return redis.xrange(key, '-', '+')
    default:
      return redis.get(key)
  }
}

it('E-PUBLIC-3 E-PUBLIC-4 what a view leaves out is in the log of commands, the trail and the state, and nowhere else', async () => {
  const client = createClient<typeof config>({ url: server.url })
  const received: unknown[] = []
  const live = client.subscribe('>', {}, (event) => received.push(event))
  await live.ready
  const input = { owner: 'ann', secret: MARKER }
  const answers: unknown[] = [
    await post('open', 'h-1'),
    await client.command('vault', 'a', 'open', input, { id: 'w-1' }),
    await post('refuse', 'h-2'),
  ]
  for (const command of ['fail', 'endless', 'stray']) {
    const { status, text } = await post(command, `h-${command}`)
    expect({ status, text }).toMatchObject({ status: 500, text: expect.stringContaining('handler_failed') })
    const id = /Id: (\w+)\./.exec(text)?.[1]
    expect(logged.filter((line) => line.includes(`(${id})`))).toHaveLength(1)
    answers.push(text)
  }
  // The same again has the stored answer.
  answers.push(await post('open', 'h-1'), await get('/v1/commands/vault/a/w-1'))

  const handle = client.entity('vault', 'a')
  await handle.ready
  const { time } = await handle.get()
  answers.push(await handle.get({ version: 1 }), await handle.get({ at: time }), handle.state)
  for await (const page of handle.history()) answers.push(page)
  for await (const page of client.findEntities('vault', 'owner', 'ann')) answers.push(page)
  for (const query of ['', '?version=1', `?at=${time}`, '/history'])
    answers.push(await get(`/v1/entities/vault/a${query}`))
  answers.push(await get('/v1/entities/vault?owner=ann'))
  expect(answers.filter((answer) => !JSON.stringify(answer).includes('ann'))).not.toHaveLength(answers.length)

  for (const topic of ['vault.state', 'vault.events', '~commands', '~answers', '~commands~dead']) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      answers.push(await get(`/v1/history?topic=${encodeURIComponent(topic)}&partition=${partition}`))
    }
    const past = client.subscribe(topic as '>', { from: 'earliest' }, (event) => received.push(event))
    await past.ready.catch((error) => answers.push(String(error)))
  }
  const pages = [
    '/v1/windows/vault.state',
    '/metrics',
    '/readyz',
    '/v1/slow',
    '/v1/topics',
    '/v1/entities',
    '/v1/stream?topic=~commands',
  ]
  for (const path of pages) answers.push(await get(path))
  for (const args of ['entity show vault a', 'entity history vault a', 'dead-letter list']) {
    answers.push(await runCommand(...args.split(' '), '--json', '--config', CONFIG))
  }
  // Both openings, both repetitions and both outcomes of them: live, and from the beginning.
  const events = () => received.filter((event) => JSON.stringify(event).includes('"topic":"vault.events"'))
  await expect.poll(() => events().length).toBe(12)
  await client.close({ deadlineMs: 1_000 })

  const state = [entityHash('vault'), trailList('vault', 'a'), trailList('vault', 'a-copy')]
  await expect.poll(keysWithMarker).toEqual([...state, 'log:~commands'].sort())
  const leaks = [...answers, ...received, ...logged].map((part) => JSON.stringify(part)).filter(hasMarker)
  expect(leaks).toEqual([])
}, 30_000)
