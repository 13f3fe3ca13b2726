import { fileURLToPath } from 'node:url'
import { partitionOf } from '../../../server/src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { cpuSeconds } from '../support/cpu.ts'
import { LogFiller, PARTITIONS } from '../support/log-filler.ts'
import { ask, startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { ClientsCommand, ClientsReport } from './clients.ts'

const CLIENTS = 5_000
/** Events while all are connected, and while none is. */
const BEFORE = 40
const AWAY = 200
const CONFIG = fileURLToPath(new URL('../fanout/fanout.config.ts', import.meta.url))

export const resume: Benchmark = {
  description:
    '5,000 subscribers drop, miss 200 events, and resume all at once on a gateway that has just been started',
  control: 'none: nothing may be lost or doubled',
  notMeasured:
    'networks other than loopback; the SDK, whose jitter spreads reconnects; clients and gateway share the cores',
  async run(progress) {
    const server = await startBenchRedis()
    const redis = openCommandConnection(server.url, 'bench-resume')
    await untilReady(redis, 5_000)
    const filler = await LogFiller.open(server.url)
    const startGateway = () => startTidegate(['gateway', '--port', '0', '--config', CONFIG], { REDIS_URL: server.url })
    const clients = startModule(new URL('./clients.ts', import.meta.url))
    const tell = (command: ClientsCommand) => ask<ClientsReport>(clients, command)
    let gateway = await startGateway()
    try {
      await tell({ do: 'open', port: gateway.port, count: CLIENTS })
      await publish(filler, 0, BEFORE)
      await tell({ do: 'await', events: BEFORE })
      progress(`${CLIENTS} subscribers have ${BEFORE} events; they drop`)
      await tell({ do: 'drop' })
      await gateway.kill()
      gateway = await startGateway()
      await publish(filler, BEFORE, AWAY)
      const readsBefore = await reads(redis)
      const cpuBefore = await cpuSeconds(gateway.pid)
      const { seconds, lost, duplicated, gaps } = await tell({
        do: 'resume',
        port: gateway.port,
        events: BEFORE + AWAY,
      })
      const gatewayCpuSeconds = Number(((await cpuSeconds(gateway.pid)) - cpuBefore).toFixed(2))
      const redisReads = (await reads(redis)) - readsBefore
      progress(`all have all after ${seconds.toFixed(2)} s`)
      const resumesPerSec = Math.round(CLIENTS / seconds)
      return { clients: CLIENTS, resumesPerSec, gatewayCpuSeconds, lost, duplicated, gaps, redisReads }
    } finally {
      clients.kill('SIGKILL')
      await gateway.stop()
      filler.close()
      redis.disconnect()
      await server.close()
    }
  },
}

/** Appends events one by one, so that each is an entry of its own. */
async function publish(filler: LogFiller, first: number, count: number): Promise<void> {
  for (let n = first; n < first + count; n++) {
    const key = `k-${n}`
    const event = { id: `e-${n}`, key, time: Date.now(), data: { key, text: 'x'.repeat(100) } }
    await filler.append(partitionOf(key, PARTITIONS), 'bench.event', [event], 'normal')
  }
}

/** Commands that Redis has served so far which read a log or look at where it stands. */
async function reads(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats')
  const calls = (command: string) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  return calls('xrange') + calls('xread') + calls('xinfo\\|stream')
}
