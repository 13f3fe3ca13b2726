import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { PrivateRedis } from '../../../server/src/supervisor/private-redis.ts'
import { findRedisBinary } from '../../../server/src/supervisor/redis-binary.ts'

/** A Redis as `tidegate start` runs it, AOF everysec, on an empty temporary folder. */
export interface BenchRedis {
  readonly url: string
  /** SIGTERM, then a start at the same address on the same data. */
  restart(): Promise<void>
  /** Ends it and removes its data. */
  close(): Promise<void>
}

const STOP_DEADLINE_MS = 10_000

export async function startBenchRedis(): Promise<BenchRedis> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
  const remove = () => rmSync(dataFolder, { recursive: true, force: true })
  // Redis itself ends with this process.
  process.once('exit', remove)
  const redis = await PrivateRedis.open({
    binary: await findRedisBinary(readSettings(), console.error),
    dataFolder,
    say: console.error,
  })
  return {
    url: redis.url,
    async restart() {
      await redis.stop({ deadlineMs: STOP_DEADLINE_MS })
      await redis.start()
    },
    async close() {
      await redis.close({ deadlineMs: STOP_DEADLINE_MS })
      process.off('exit', remove)
      remove()
    },
  }
}
