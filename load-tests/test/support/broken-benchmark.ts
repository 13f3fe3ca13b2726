/** Starts what a benchmark does, and fails as one whose gateway does not start. */
import { startModule, startTidegate, untilReady } from '../../src/support/processes.ts'
import { startBenchRedis } from '../../src/support/redis.ts'

const redis = await startBenchRedis()
const control = startModule(new URL('../../src/entities/fair-control.ts', import.meta.url))
control.send({ redisUrl: redis.url })
const [{ pid }, worker] = await Promise.all([
  untilReady(control),
  startTidegate(['worker'], { REDIS_URL: redis.url, TIDEGATE_LOG_LEVEL: 'silent' }),
])
console.log(JSON.stringify([pid, worker.pid]))
await startTidegate(['gateway', '--port', 'none'], { REDIS_URL: redis.url })
