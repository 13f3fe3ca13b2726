import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from '../support/benchmark.ts'
import { cpuSeconds } from '../support/cpu.ts'
import { helloFrame } from '../support/hello.ts'
import { ask, type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { BareLoad } from './bare-server.ts'
import type { FrameCounts } from './subscribers.ts'

const SUBSCRIBERS = 1_000
const TICK_MS = 10
/** 200 bytes of data an event. */
const TEXT = 'x'.repeat(179)
const WARM_UP_MS = 2_000
const MEASURE_MS = 6_000
/** Events a tick that are tried, up until more of them bring no more. */
const BATCHES = [5, 10, 15, 20, 30]

export const fanout: Benchmark = {
  description:
    'One topic to 1,000 subscribers: frames of one event beside bare uWebSockets.js, then as many events as go through',
  control: 'uWebSockets.js alone, sending frames of the same size as often, and as often as it can',
  notMeasured:
    'networks other than loopback; credit: the subscribers only read; publisher, gateway and subscribers share the cores',
  async run(progress) {
    const redis = await startBenchRedis()
    const config = fileURLToPath(new URL('./fanout.config.ts', import.meta.url))
    const gateway = await startTidegate(['gateway', '--port', '0', '--config', config], { REDIS_URL: redis.url })
    const controlChild = startModule(new URL('./bare-server.ts', import.meta.url))
    const control = await untilReady(controlChild)
    try {
      const drive = (eventsPerTick: number) =>
        measure(gateway, async () => startPublishing(gateway.port, eventsPerTick))
      const one = await drive(1)
      progress(`1 event a tick: ${one.framesPerSec} frames/s, ${one.framesPerCpuSec} a CPU second`)
      const { frameBytes } = one
      const driveBare = (everyMs: number) =>
        measure(control, async () => {
          controlChild.send({ frameBytes, everyMs } satisfies BareLoad)
          return () => undefined
        })
      const bare = await driveBare((SUBSCRIBERS * 1_000) / one.framesPerSec)
      progress(`bare, the same frames as often: ${bare.framesPerSec} frames/s, ${bare.framesPerCpuSec} a CPU second`)
      const fullSpeed = await driveBare(1)
      progress(
        `bare, as often as it can: ${fullSpeed.framesPerSec} frames/s, ${fullSpeed.framesPerCpuSec} a CPU second`,
      )
      let deliveriesPerSec = one.framesPerSec
      for (const events of BATCHES) {
        const offered = (events * SUBSCRIBERS * 1_000) / TICK_MS
        const { bytesPerSec } = await drive(events)
        const reached = Math.round(bytesPerSec / one.eventBytes)
        progress(`${events} events a tick: ${reached} deliveries/s of ${offered}`)
        if (reached < deliveriesPerSec) break
        deliveriesPerSec = reached
      }
      return {
        deliveriesPerSec,
        framesPerSec: one.framesPerSec,
        controlFramesPerSec: fullSpeed.framesPerSec,
        framesPerCpuSec: one.framesPerCpuSec,
        controlFramesPerCpuSec: bare.framesPerCpuSec,
        ratio: Math.round((one.framesPerCpuSec / bare.framesPerCpuSec) * 100) / 100,
        batchingGain: Math.round((deliveriesPerSec / one.framesPerSec) * 10) / 10,
        frameBytes,
      }
    } finally {
      await Promise.all([gateway.stop(), control.stop()])
      await redis.close()
    }
  },
}

/** The throughput of 1,000 subscribers of a server, and its cost. */
async function measure(server: ServerProcess, start: () => Promise<() => void>) {
  const subscribers = startModule(new URL('./subscribers.ts', import.meta.url))
  try {
    await ask(subscribers, { port: server.port, count: SUBSCRIBERS })
    const stop = await start()
    await pause(WARM_UP_MS)
    const [before, cpuBefore, startedAt] = [await count(subscribers), await cpuSeconds(server.pid), performance.now()]
    await pause(MEASURE_MS)
    const [after, cpu] = [await count(subscribers), (await cpuSeconds(server.pid)) - cpuBefore]
    const seconds = (performance.now() - startedAt) / 1_000
    stop()
    const frames = after.frames - before.frames
    const frameBytes = Math.round((after.bytes - before.bytes) / frames)
    return {
      framesPerSec: Math.round(frames / seconds),
      framesPerCpuSec: Math.round(frames / cpu),
      bytesPerSec: (after.bytes - before.bytes) / seconds,
      frameBytes,
      eventBytes: frameBytes - PART_BYTES,
    }
  } finally {
    subscribers.kill('SIGKILL')
  }
}

/** Bytes of a frame of one part besides its events. */
const PART_BYTES = '{"type":"batch","parts":[{"sub":1,"topic":"bench.event","lane":"normal","events":[]}]}'.length

/** Publishes this many events every 10 ms; one key, so that a tick's events share one entry. */
async function startPublishing(port: number, eventsPerTick: number): Promise<() => void> {
  const socket = new RawWebSocket(port, () => undefined)
  await socket.open()
  socket.write(helloFrame())
  let seq = 0
  let sent = 0
  const startedAt = performance.now()
  const timer = setInterval(() => {
    for (const due = (performance.now() - startedAt) / TICK_MS; sent < due; sent++) {
      const events = Array.from({ length: eventsPerTick }, () => ({ data: { key: 'k', text: TEXT } }))
      socket.write(
        encodeFrame(Buffer.from(JSON.stringify({ type: 'publish', seq: ++seq, topic: 'bench.event', events }))).frame,
      )
    }
  }, TICK_MS / 2)
  return () => {
    clearInterval(timer)
    socket.close()
  }
}

function count(subscribers: ChildProcess): Promise<FrameCounts> {
  return ask(subscribers, 'count')
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
