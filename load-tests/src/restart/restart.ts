import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { PrivateRedis } from '../../../server/src/supervisor/private-redis.ts'
import { findRedisBinary, type RedisBinary } from '../../../server/src/supervisor/redis-binary.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { catchUp, openBench, until } from '../support/catch-up.ts'
import { usedBytes } from '../support/memory.ts'
import { percentile } from '../support/percentile.ts'
import { processName, processTree } from '../support/process-tree.ts'
import { type ServerProcess, startTidegate } from '../support/processes.ts'
import { prefill, READINGS } from '../windows/prefill.ts'

/** About 1 GB of Redis. */
const EVENTS = 8_000_000
const QUICK_EVENTS = 200_000
const ROUNDS = 3
const STOP_DEADLINE_MS = 60_000
const CONFIG = fileURLToPath(new URL('../windows/windows.config.ts', import.meta.url))

interface Round {
  readonly controlReadyMs: number
  readonly readyMs: number
  readonly recoveredMs: number
}

export const restart: Benchmark = {
  description: 'tidegate start on a log of 1 GB until it is ready, and its recovery from kill -9 of its Redis',
  control: 'redis-server alone on the same folder, until it answers',
  notMeasured: 'a disk that is not in the cache of the kernel; what came while Redis was away',
  async run(progress, { isQuick }) {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-restart-'))
    try {
      const binary = await findRedisBinary(readSettings(), progress)
      const events = isQuick ? QUICK_EVENTS : EVENTS
      const redisMb = await fill(folder, binary, events)
      progress(`${events} events are ${redisMb} MB of Redis`)
      const rounds: Round[] = []
      for (let number = 1; number <= ROUNDS; number++) {
        const round = await measure(folder, binary)
        rounds.push(round)
        progress(`round ${number} of ${ROUNDS}: ${JSON.stringify(round)}`)
      }
      const median = (of: (round: Round) => number) => percentile(rounds.map(of), 0.5)
      return {
        events,
        redisMb,
        readyMs: median(({ readyMs }) => readyMs),
        controlReadyMs: median(({ controlReadyMs }) => controlReadyMs),
        recoveredMs: median(({ recoveredMs }) => recoveredMs),
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

/** Fills a data folder with events, folded into windows. @returns what Redis uses, MB */
async function fill(dataFolder: string, binary: RedisBinary, events: number): Promise<number> {
  const redis = await PrivateRedis.open({ binary, dataFolder })
  const bench = await openBench(redis.url)
  try {
    await prefill(redis.url, { events, keys: 10_000, periodMs: 1_000 })
    const { worker } = await catchUp(bench, redis.url, CONFIG, READINGS)
    await worker.stop()
    return Math.round(usedBytes(await bench.info('memory')) / 1e6)
  } finally {
    bench.disconnect()
    await redis.close({ deadlineMs: STOP_DEADLINE_MS })
  }
}

async function measure(dataFolder: string, binary: RedisBinary): Promise<Round> {
  const alone = await timed(() => PrivateRedis.open({ binary, dataFolder }))
  await alone.result.close({ deadlineMs: STOP_DEADLINE_MS })
  const args = ['start', '--config', CONFIG, '--data', dataFolder, '--port', '0', '--metrics-port', '0']
  const started = await timed(() => startTidegate(args, { TIDEGATE_LOG_LEVEL: 'warn', REDIS_URL: '' }))
  try {
    const { ms: recoveredMs } = await timed(() => killRedis(started.result))
    return { controlReadyMs: alone.ms, readyMs: started.ms, recoveredMs }
  } finally {
    await started.result.stop()
  }
}

/** Kills the Redis of a running deployment, and waits until that is ready again. */
async function killRedis({ pid, port }: ServerProcess): Promise<void> {
  for (const child of await processTree(pid)) {
    if ((await processName(child)) === 'redis-server') process.kill(child, 'SIGKILL')
  }
  await until(async () => !(await isReady(port)))
  await until(() => isReady(port))
}

async function isReady(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
}

async function timed<T>(run: () => Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const from = performance.now()
  const result = await run()
  return { result, ms: Math.round(performance.now() - from) }
}
