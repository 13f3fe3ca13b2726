import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { helloFrame } from '../support/hello.ts'
import { percentile } from '../support/percentile.ts'
import { ask, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { ClientReport, ClientTask, Work } from './client.ts'
import { type Feed, startFeed } from './feed.ts'
import type { ClientName } from './measured-client.ts'

/** The clients take turns, each figure is the median of its rounds: these machines drift within a minute. */
const ROUNDS = 3
const TIMES = { warmUpMs: 1_000, measureMs: 2_000 } as const
/** Until V8 compiles nothing more of what runs a thousand times a second: before that half of the CPU is its compiler's. */
const STEADY_MS = 10_000

interface Scenario {
  readonly work: Work
  /** What servers send meanwhile. */
  readonly feed?: Feed
  readonly warmUpMs?: number
}

const SCENARIOS = {
  publishOneByOne: { work: { kind: 'publish', inFlight: 1, eventsPerCall: 1 } },
  publish200InFlight: { work: { kind: 'publish', inFlight: 200, eventsPerCall: 1 } },
  publishBatchesOf100: { work: { kind: 'publish', inFlight: 4, eventsPerCall: 100 } },
  receive1EveryMs: { work: { kind: 'receive' }, feed: { eventsPerTick: 1, tickMs: 1 } },
  receive1EveryMsSteady: { work: { kind: 'receive' }, feed: { eventsPerTick: 1, tickMs: 1 }, warmUpMs: STEADY_MS },
  receive100Every10Ms: { work: { kind: 'receive' }, feed: { eventsPerTick: 100, tickMs: 10 } },
} as const satisfies Readonly<Record<string, Scenario>>

/** The loader of TypeScript would work in the process that is measured. */
const PROGRAM = `${REPOSITORY}/node_modules/.cache/tidegate/bench-sdk-client.mjs`

/** Where one client connects, and how its server is made to send. */
interface Place {
  /** To publish: its server only answers, as fast as the others. */
  readonly publishPort: number
  /** To receive. */
  readonly port: number
  /** Returns a function that ends it. */
  feed(feed: Feed): Promise<() => void>
  close(): Promise<void>
}

export const sdk: Benchmark = {
  description:
    'CPU of the client per event, published and received, beside bare ws, socket.io-client and centrifuge-js',
  control: 'the package ws alone; socket.io-client and centrifuge-js beside it',
  notMeasured:
    'latency; browsers; what servers cost. All clients use the package ws. Servers only answer what is published; socket.io-client has a real one, and the SDK receives from a gateway with Redis',
  async run(progress) {
    await bundleClient()
    const places = await openPlaces()
    try {
      const figures: Record<string, Figures> = {}
      for (const [name, scenario] of Object.entries(SCENARIOS)) {
        const measured = await measure(places, scenario)
        progress(`${name}: ${JSON.stringify(measured)}`)
        figures[name] = measured
      }
      return figures
    } finally {
      await Promise.all(Object.values(places).map((place) => place.close()))
    }
  },
}

async function bundleClient(): Promise<void> {
  const entry = fileURLToPath(new URL('./client.ts', import.meta.url))
  const external = ['ws', 'socket.io-client', 'centrifuge']
  await build({ entryPoints: [entry], outfile: PROGRAM, bundle: true, platform: 'node', format: 'esm', external })
}

type Places = Readonly<Record<ClientName, Place>>

async function measure(
  places: Places,
  { work, feed, warmUpMs = TIMES.warmUpMs }: Scenario,
): Promise<Readonly<Record<string, number>>> {
  const rounds: Record<ClientName, ClientReport[]> = { ws: [], tidegate: [], socketIo: [], centrifuge: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [client, place] of Object.entries(places) as [ClientName, Place][]) {
      const stop = feed === undefined ? () => {} : await place.feed(feed)
      const port = work.kind === 'publish' ? place.publishPort : place.port
      const task: ClientTask = { client, port, work, ...TIMES, warmUpMs }
      rounds[client].push(await ask(fork(PROGRAM), task))
      stop()
    }
  }
  const cpu = (client: ClientName) => median(rounds[client].map(({ cpuMicrosPerEvent }) => cpuMicrosPerEvent))
  const rate = (client: ClientName) => median(rounds[client].map(({ eventsPerSec }) => eventsPerSec))
  return {
    cpuMicrosPerEvent: cpu('tidegate'),
    controlCpuMicrosPerEvent: cpu('ws'),
    ratio: Math.round((cpu('tidegate') / cpu('ws')) * 100) / 100,
    socketIoCpuMicrosPerEvent: cpu('socketIo'),
    centrifugeCpuMicrosPerEvent: cpu('centrifuge'),
    eventsPerSec: rate('tidegate'),
    controlEventsPerSec: rate('ws'),
    socketIoEventsPerSec: rate('socketIo'),
    centrifugeEventsPerSec: rate('centrifuge'),
  }
}

const median = (values: readonly number[]) => percentile(values, 0.5)

async function openPlaces(): Promise<Places> {
  const [ws, socketIo, centrifuge, tidegate] = await Promise.all([
    openServer('bare'),
    openServer('socket-io'),
    openServer('centrifuge'),
    openTidegate(),
  ])
  return { ws, tidegate, socketIo, centrifuge }
}

async function openServer(name: string): Promise<Place> {
  const child = startModule(new URL(`./servers/${name}-server.ts`, import.meta.url))
  const { port, stop } = await untilReady(child)
  return {
    publishPort: port,
    port,
    async feed(feed) {
      child.send(feed)
      return () => child.send('stop')
    },
    close: stop,
  }
}

async function openTidegate(): Promise<Place> {
  const answering = await openServer('tidegate')
  const redis = await startBenchRedis()
  const config = fileURLToPath(new URL('./sdk.config.ts', import.meta.url))
  const gateway = await startTidegate(['gateway', '--port', '0', '--config', config], { REDIS_URL: redis.url })
  return {
    publishPort: answering.port,
    port: gateway.port,
    feed: (feed) => publishFeed(gateway.port, feed),
    async close() {
      await Promise.all([gateway.stop(), answering.close()])
      await redis.close()
    },
  }
}

/** Publishes a feed, a frame for each tick. */
async function publishFeed(port: number, feed: Feed): Promise<() => void> {
  const socket = new RawWebSocket(port, () => undefined)
  await socket.open()
  socket.write(helloFrame())
  let seq = 0
  const stop = startFeed(feed, (readings) => {
    const events = readings.map((data) => ({ data }))
    const frame = { type: 'publish', seq: ++seq, topic: 'bench.event', events }
    socket.write(encodeFrame(Buffer.from(JSON.stringify(frame))).frame)
  })
  return () => {
    stop()
    socket.close()
  }
}
