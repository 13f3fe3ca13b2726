import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import { startTestRedis } from '../support/redis.ts'
import { childrenOf, isRunning, processesLike, TidegateProcess, until } from '../support/tidegate-process.ts'

const TIDEGATE = fileURLToPath(new URL('../../bin/tidegate.js', import.meta.url))
const DEMO_CONFIG = fileURLToPath(new URL('../../src/demo/demo.config.ts', import.meta.url))
const EVENT = '{"topic":"sensor.reading","data":{"sensorId":"attic","temperature":21.5,"humidity":40}}'

let dataFolder: string
/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []

beforeEach(async () => {
  dataFolder = await newFolder()
  const folder = dataFolder
  cleanups.push(async () => {
    await until(() => leftBehind(folder).length === 0, 'nothing is left behind')
    await rm(folder, { recursive: true })
  })
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const newFolder = () => mkdtemp(join(tmpdir(), 'tidegate-start-'))

function tidegate(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): TidegateProcess {
  const started = unwatched(dataFolder, args, environment)
  cleanups.push(async () => {
    started.child.kill('SIGKILL')
    await started.ended
  })
  return started
}

/** Ends with no test. */
const unwatched = (folder: string, args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) =>
  new TidegateProcess(['start', '--port', '0', '--data', folder, '--no-demo', ...args], environment)

interface Started {
  readonly process: TidegateProcess
  readonly url: string
}

async function ready(process: TidegateProcess): Promise<Started> {
  const { port } = await process.ready()
  return { process, url: `http://127.0.0.1:${port}` }
}

const started = (...args: Parameters<typeof tidegate>) => ready(tidegate(...args))

const sharedFolder = await newFolder()
let shared: Started | undefined
afterAll(async () => {
  await shared?.process.stop('SIGKILL')
  await until(() => leftBehind(sharedFolder).length === 0, 'nothing is left behind')
  await rm(sharedFolder, { recursive: true })
})

/** One for all tests that do not mind what others stored. Once a test has ended it: the next one, on the same data. */
async function running(): Promise<Started> {
  const isOver = shared?.process.child.killed || shared?.process.hasEnded
  if (shared === undefined || isOver) shared = await ready(unwatched(sharedFolder))
  return shared
}

/** The supervisor of this test and the shell around its Redis: both name the folder. */
const leftBehind = (folder = dataFolder) => processesLike(new RegExp(folder))

/**
 * Publishes one event of this test, the same each time, again while the server says that it cannot take it yet. Resolves
 * to whether the server had it already.
 */
async function publish(url: string): Promise<boolean> {
  const post = () =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': basename(dataFolder) },
      body: EVENT,
    })
  let response = await post()
  while (response.status === 503) {
    await response.arrayBuffer()
    await new Promise((resolve) => setTimeout(resolve, 100))
    response = await post()
  }
  const { accepted, duplicate } = (await response.json()) as { accepted: number; duplicate: boolean }
  expect(accepted).toBe(1)
  return duplicate
}

/** Redis started by the shell that names the folder. */
const redisServers = (folder?: string) => childrenOf(leftBehind(folder), /^\S*(redis|valkey)-server unixsocket:/)

function kill(pids: readonly number[]): void {
  expect(pids).toHaveLength(1)
  process.kill(pids[0]!, 'SIGKILL')
}

const isReady = async (url: string) => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200

const GATEWAY = / gateway --host/
const WORKER = / worker --config/
const SINGLE = / single --host/

describe('start', () => {
  test('start - prints an address and a command that publishes an event', async () => {
    const { process, url } = await running()
    expect(process.output).toContain(`Tidegate is at ${url}`)
    const [, command] = /publish one event:\s+(curl .*)/.exec(process.output)!
    const shell = spawn('sh', ['-c', command!], { stdio: ['ignore', 'pipe', 'ignore'] })
    const [answer] = (await once(shell.stdout!, 'data')) as [Buffer]
    expect(JSON.parse(answer.toString())).toMatchObject({ accepted: 1 })
  })

  test('OPS-PORT-5 OPS-READY-2 metrics - it prints where it and its workers answer', async () => {
    const { process } = await running()
    const [own, worker] = process.output.match(/(?<=metrics: .*)http:\/\/\S+(?=\/metrics)/g)!
    expect(worker).not.toBe(own)
    const names = ['redis', 'gateway', 'worker']
    const answer = await fetch(`${own}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { ready: true, children: names.map((name) => ({ name, isReady: true, restarts: 0 })) },
    ])
    expect(await (await fetch(`${own}/metrics`)).text()).toMatch(/^tidegate_child_up\{child="worker"\} 1$/m)
    expect(await (await fetch(`${worker}/metrics`)).text()).toMatch(/^tidegate_build_info\{.*role="worker".*\} 1$/m)
  })

  test('S-FOLDER-1 S-FOLDER-3 second start - while the first runs, it is refused with a clear error; later it finds what that stored', async () => {
    const first = await running()
    const second = tidegate(['--data', sharedFolder])
    expect(await second.ended).toEqual({ code: 1, signal: null })
    expect(second.output).toContain(
      `The data folder ${sharedFolder} is in use by another Tidegate (process ${first.process.pid}).`,
    )
    expect(await publish(first.url)).toBe(false)
    expect(await first.process.stop('SIGINT')).toEqual({ code: 0, signal: null })
    const third = await running()
    expect(await publish(third.url)).toBe(true)
  }, 40_000)

  test('S-CHILD-5 taken port - is reported before anything is started', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => server.close())
    const { port } = server.address() as { port: number }
    const process = tidegate(['--port', `${port}`])
    expect(await process.ended).toEqual({ code: 1, signal: null })
    expect(process.output).toContain(
      `Cannot listen on 127.0.0.1:${port}: the port is taken. Choose another with --port, --metrics-port, or TIDEGATE_ADMIN_PORT for operators of gateways.`,
    )
    expect(existsSync(join(dataFolder, 'redis'))).toBe(false)
  })

  test('S-CHILD-3 child - one that cannot start ends the start, and all that had started', async () => {
    const config = join(dataFolder, 'tidegate.config.ts')
    await writeFile(
      config,
      `export { default } from '${DEMO_CONFIG}'\nif (process.argv[2] === 'worker') throw new Error('not for workers')\n`,
    )
    const process = tidegate(['--config', config])
    expect(await process.ended).toEqual({ code: 1, signal: null })
    expect(process.output).toMatch(/tidegate worker: .*not for workers/)
    expect(process.output).toContain('tidegate start: The worker ended with code 1 at its start.')
    expect(leftBehind()).toEqual([])
  })

  test('S-REDIS-5 Redis of others - is used, and left as it was', async () => {
    const redis = await startTestRedis()
    cleanups.push(() => redis.close())
    const connection = openCommandConnection(redis.url, 'test')
    cleanups.push(() => connection.disconnect())
    await untilReady(connection, 5_000)
    await connection.set('mine', 'kept')
    const before = await connection.config('GET', '*')

    const { process, url } = await started([], { REDIS_URL: redis.url })
    await publish(url)
    await process.stop()
    expect(await connection.config('GET', '*')).toEqual(before)
    expect(await connection.get('mine')).toBe('kept')
    expect(await connection.exists('log:{tg:0}', 'mine')).toBeGreaterThan(0)
  })
})

describe('crash', () => {
  test('S-CHILD-1 S-REDIS-4 gateway, worker and Redis - each is brought back, and that is said', async () => {
    const { process, url } = await running()
    await publish(url)

    kill(process.children(WORKER))
    await process.said(/worker was ended by SIGKILL; starting it again in 0\.\d s\n(.*\n)*worker is back/)
    kill(process.children(GATEWAY))
    await process.said(/gateway was ended by SIGKILL; starting it again in 0\.\d s\n(.*\n)*gateway is back/)
    kill(redisServers(sharedFolder))
    await process.said(/Redis ended by itself( \(.*\))?; starting it again in 0\.\d s\n(.*\n)*Redis is back/)
    await until(() => isReady(url), 'ready at the same address')
    expect(await publish(url)).toBe(true)
  })

  test('S-CHILD-6 a gateway and a worker that hang - are replaced, and that is said', async () => {
    const { process, url } = await started([], { TIDEGATE_HUNG_SECONDS: '4' })
    await publish(url)
    for (const pid of [...process.children(WORKER), ...process.children(GATEWAY)])
      globalThis.process.kill(pid, 'SIGSTOP')
    for (const name of ['worker', 'gateway']) {
      await process.said(new RegExp(`${name} has not moved for 4 s; ending it\\n(.*\\n)*${name} is back`))
    }
    await until(() => isReady(url), 'ready at the same address')
    expect(await publish(url)).toBe(true)
  })

  test('S-CHILD-4 S-FOLDER-2 kill -9 of the supervisor - nothing stays, and the next start finds the data at once', async () => {
    const first = await running()
    await publish(first.url)
    const children = [...first.process.children(GATEWAY), ...first.process.children(WORKER)]
    expect(children).toHaveLength(2)
    first.process.child.kill('SIGKILL')
    const second = await running()
    expect(children.filter(isRunning)).toEqual([])
    expect(await publish(second.url)).toBe(true)
  })
})

describe('start --small', () => {
  test('S-SMALL-1 runs gateway and worker of two partitions in one process, and brings it back', async () => {
    const { process, url } = await started(['--small'])
    const single = process.children(SINGLE)
    expect(single).toHaveLength(1)
    expect([...process.children(GATEWAY), ...process.children(WORKER)]).toEqual([])
    await until(() => isReady(url), 'the worker has its partitions')
    const { partitions } = (await (await fetch(`${url}/readyz`)).json()) as { partitions: unknown[] }
    expect(partitions).toHaveLength(2)
    await publish(url)
    kill(single)
    await process.said(/single was ended by SIGKILL.*\n(.*\n)*single is back/)
    expect(await publish(url)).toBe(true)
    expect(await process.stop()).toEqual({ code: 0, signal: null })
  })

  test('S-SMALL-2 with more processes - is refused', async () => {
    const process = tidegate(['--small', '--workers', '2'])
    expect(await process.ended).toEqual({ code: 2, signal: null })
    expect(process.output).toContain('--small is one gateway and one worker')
  })
})

describe('stop', () => {
  test('S-STOP-1 SIGTERM - demo and gateway stop before the worker; the exit code is 0', async () => {
    const process = new TidegateProcess(['start', '--port', '0', '--data', dataFolder], { TIDEGATE_LOG_LEVEL: 'info' })
    await process.ready()
    const pids = process.children(/./)
    expect(await process.stop()).toEqual({ code: 0, signal: null })
    const stops = [...process.output.matchAll(/"role":"(\w+)".*"msg":"stopping"/g)].map(([, role]) => role!)
    expect(stops.slice(0, 2).sort()).toEqual(['demo', 'gateway'])
    expect(stops[2]).toBe('worker')
    expect(pids.filter(isRunning)).toEqual([])
    expect(leftBehind()).toEqual([])
  })

  const phases: [string, Readonly<Record<string, string>>, (process: TidegateProcess) => Promise<void>][] = [
    [
      'a Redis is unpacked',
      { PATH: '/nowhere', TIDEGATE_CACHE: 'fresh' },
      (process) => until(() => process.children(/apt-get/).length > 0, 'apt runs'),
    ],
    ['Redis starts', {}, (process) => until(() => process.children(/^\/bin\/sh /).length > 0, 'Redis starts')],
    [
      'the children start',
      {},
      (process) => until(() => process.children(GATEWAY).length + process.children(WORKER).length === 2, 'they start'),
    ],
  ]
  test.each(phases)('S-STOP-5 SIGTERM while %s - leaves no process and no lock behind', async (_, changes, phase) => {
    const cache = join(dataFolder, 'cache')
    const first = tidegate([], { ...changes, ...(changes.TIDEGATE_CACHE && { TIDEGATE_CACHE: cache }) })
    await phase(first)
    const begun = [...first.children(/./), ...redisServers()]
    expect(begun.length).toBeGreaterThan(0)
    expect(await first.stop()).toEqual({ code: 0, signal: null })
    expect(begun.filter(isRunning)).toEqual([])
    expect(leftBehind()).toEqual([])
    expect(existsSync(join(dataFolder, 'lock'))).toBe(false)
    if (existsSync(cache)) expect(await readdir(cache)).toEqual([])
  })

  test('S-CHILD-4 kill -9 of the supervisor while children start - they end at once', async () => {
    const first = tidegate()
    await until(() => first.children(GATEWAY).length + first.children(WORKER).length === 2, 'they start')
    const children = first.children(/./)
    first.child.kill('SIGKILL')
    const killedAt = performance.now()
    await until(() => children.filter(isRunning).length === 0, 'they ended')
    expect(performance.now() - killedAt).toBeLessThan(5_000)
  })

  test('S-STOP-2 S-STOP-3 second signal - ends it at once, and Redis still writes what it holds', async () => {
    const first = await running()
    await publish(first.url)
    const [worker] = first.process.children(WORKER)
    // A worker that does not answer keeps the supervisor from finishing.
    process.kill(worker!, 'SIGSTOP')
    first.process.child.kill('SIGINT')
    await first.process.said(/Stopping/)
    first.process.child.kill('SIGINT')
    // The signal passed on by npm; after a second it would count.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(isRunning(first.process.pid)).toBe(true)
    expect(await first.process.stop('SIGINT')).toEqual({ code: 1, signal: null })
    process.kill(worker!, 'SIGKILL')
    const second = await running()
    expect(await publish(second.url)).toBe(true)
  })

  test('S-STOP-4 kill -9 of npm - ends what npm had started', async () => {
    const args = JSON.stringify([TIDEGATE, 'start', '--port', '0', '--no-demo', '--data', dataFolder])
    const npm = spawn(
      process.execPath,
      ['-e', `require('node:child_process').spawn(process.execPath, ${args}, { stdio: 'inherit' })`],
      { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, REDIS_URL: '', npm_lifecycle_event: 'start' } },
    )
    cleanups.push(() => npm.kill('SIGKILL'))
    let output = ''
    npm.stdout!.on('data', (text) => {
      output += text
    })
    await until(() => /Tidegate is at/.test(output), 'it runs')
    npm.kill('SIGKILL')
    await until(() => leftBehind().length === 0, 'it ended')
    expect(output).toContain('Stopping (npm is gone)')
  })
})
