import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  append,
  encodeEvent,
  Guard,
  openCommandConnection,
  partitionOf,
  RecordBatchBuilder,
  type Redis,
  untilReady,
} from '../../../server/src/bus/index.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { ClientsCommand, ClientsReport } from './clients.ts'

const CLIENTS = 5_000
const PARTITIONS = 8
/** Events while all are connected, and while none is. */
const BEFORE = 40
const AWAY = 200
const CONFIG = fileURLToPath(new URL('../fanout/fanout.config.ts', import.meta.url))

export const resume: Benchmark = {
  description:
    '5,000 subscribers drop, miss 200 events, and resume all at once on a gateway that has just been started',
  notMeasured:
    'networks other than loopback; the SDK, whose jitter spreads reconnects; clients and gateway share the cores',
  async run(progress) {
    const server = await startBenchRedis()
    const redis = openCommandConnection(server.url, 'bench-resume')
    await untilReady(redis, 5_000)
    const startGateway = () => startTidegate(['gateway', '--port', '0', '--config', CONFIG], { REDIS_URL: server.url })
    const clients = startModule(new URL('./clients.ts', import.meta.url))
    let gateway = await startGateway()
    try {
      await ask(clients, { do: 'open', port: gateway.port, count: CLIENTS })
      await publish(redis, 0, BEFORE)
      await ask(clients, { do: 'await', events: BEFORE })
      progress(`${CLIENTS} subscribers have ${BEFORE} events; they drop`)
      await ask(clients, { do: 'drop' })
      await gateway.kill()
      gateway = await startGateway()
      await publish(redis, BEFORE, AWAY)
      const readsBefore = await reads(redis)
      const { seconds, lost, duplicated, gaps } = await ask(clients, {
        do: 'resume',
        port: gateway.port,
        events: BEFORE + AWAY,
      })
      const redisReads = (await reads(redis)) - readsBefore
      progress(`all have all after ${seconds.toFixed(2)} s`)
      return { clients: CLIENTS, resumesPerSec: Math.round(CLIENTS / seconds), lost, duplicated, gaps, redisReads }
    } finally {
      clients.kill('SIGKILL')
      await gateway.stop()
      redis.disconnect()
      await server.close()
    }
  },
}

/** Appends events one by one, so that each is an entry of its own. */
async function publish(redis: Redis, first: number, count: number): Promise<void> {
  const guard = new Guard('append')
  for (let n = first; n < first + count; n++) {
    const key = `k-${n}`
    const builder = new RecordBatchBuilder()
    const time = Date.now()
    const data = JSON.stringify({ key, text: 'x'.repeat(100) })
    builder.addSlice([{ key, lane: 'normal', time, json: encodeEvent(`e-${n}`, key, time, undefined, data) }])
    const slices = [{ batch: 0, lastIndex: 0, identity: undefined }]
    await append(redis, guard, partitionOf(key, PARTITIONS), {
      batches: [{ topic: 'bench.event', ...builder.build() }],
      slices,
    })
  }
}

/** Commands that Redis has served so far which read a log or look at where it stands. */
async function reads(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats')
  const calls = (command: string) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  return calls('xrange') + calls('xread') + calls('xinfo\\|stream')
}

function ask(clients: ChildProcess, command: ClientsCommand): Promise<ClientsReport> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the clients ended with code ${code}`))
    clients.once('exit', onExit)
    clients.once('message', (report) => {
      clients.off('exit', onExit)
      resolve(report as ClientsReport)
    })
    clients.send(command)
  })
}
