import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from '../support/benchmark.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { LinkReport } from './inside.ts'

const INSIDE = fileURLToPath(new URL('./inside.ts', import.meta.url))
const LINK_BITS_PER_SEC = 1_000_000
/** The SDK's window in `hello`: in-flight bytes at which the gateway stops writing. */
const WINDOW_BYTES = 65_536

export const priority: Benchmark = {
  description: 'How long high-lane events take to an SDK reader whose 1 Mbit/s link is saturated by low-lane bulk',
  control: 'none: the limit is what one window takes on that link',
  notMeasured: 'real networks: the link is loopback in a network namespace, shaped by tc',
  async run(progress) {
    const reason = whyNot()
    if (reason !== undefined) {
      progress(`skipped: ${reason}`)
      return { skipped: 1 }
    }
    const limitMs = Math.round((WINDOW_BYTES * 8 * 1_000) / LINK_BITS_PER_SEC + 100)
    const redis = await startBenchRedis()
    try {
      const report = await runInside(redis.url, progress)
      return { ...report, limitMs, withinLimit: report.highP99Ms <= limitMs ? 1 : 0 }
    } finally {
      await redis.close()
    }
  },
}

/** Why this machine cannot shape a link, if it cannot. */
function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has network namespaces'
  if (process.getuid?.() !== 0) return 'it takes root to make a network namespace; run it with sudo'
  for (const [command, ...args] of [
    ['unshare', '-n', 'true'],
    ['tc', '-V'],
    ['ip', '-V'],
  ] as const) {
    if (spawnSync(command, args).status !== 0) return `${command} is missing (packages util-linux and iproute2)`
  }
  return undefined
}

/** Redis is reached over its unix socket, which is the same in every network namespace. */
function runInside(redisUrl: string, progress: (message: string) => void): Promise<LinkReport> {
  return new Promise((resolve, reject) => {
    const args = ['-n', process.execPath, '--import', 'tsx', INSIDE]
    const child = spawn('unshare', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.once('exit', (code) => reject(new Error(`the processes behind the link ended with code ${code}`)))
    child.on('message', (message: LinkReport | string) => {
      if (typeof message === 'string') progress(message)
      else resolve(message)
    })
    child.send({ redisUrl, linkBitsPerSec: LINK_BITS_PER_SEC, windowBytes: WINDOW_BYTES })
  })
}
