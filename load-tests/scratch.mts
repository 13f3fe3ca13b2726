import { fork } from 'node:child_process'
import { keys, lastIds, openCommandConnection, untilReady } from '../server/src/bus/index.ts'
import { startBenchRedis } from './src/support/redis.ts'
import { prefill } from './src/windows/prefill.ts'

const redis = await startBenchRedis()
await prefill(redis.url, 1_000_000)
const r = openCommandConnection(redis.url, 'x')
await untilReady(r, 5000)
const P = [0, 1, 2, 3, 4, 5, 6, 7]
const ends = await Promise.all(P.map(async (p) => (await lastIds(r, p, ['sensor.reading']))[0]!))
const c = fork(
  '/work/main/server/bin/tidegate.js',
  ['worker', '--config', '/work/main/load-tests/src/windows/windows.config.ts'],
  {
    execArgv: ['--cpu-prof', '--cpu-prof-dir=/tmp/tg/prof', '--max-semi-space-size=64'],
    env: { ...process.env, REDIS_URL: redis.url },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  },
)
let t0 = 0
for (;;) {
  const m = await Promise.all(P.map((p) => r.hmget(keys.meta(p), 'token', 'offsets', 'commitSeq')))
  if (!t0 && m.some((x) => x[0])) t0 = Date.now()
  if (m.every((x, p) => x[1]?.includes(ends[p]!))) {
    console.log('s', (Date.now() - t0) / 1000, 'commits', m.map((x) => x[2]).join())
    break
  }
  await new Promise((r) => setTimeout(r, 10))
}
c.kill('SIGTERM')
await new Promise((r) => c.once('exit', r))
r.disconnect()
await redis.close()
