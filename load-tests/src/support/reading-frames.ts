import { encodeFrame } from './raw-websocket.ts'

/** Seqs are patched into prepared frames, so they all have this many digits. */
const FIRST_SEQ = 10_000_000
const SEQ_AT = '{"type":"publish","seq":'.length

export interface FramePool {
  readonly eventsPerFrame: number
  readonly bytesPerFrame: number
  /** The next frame, with the seq it carries. Frames come round again after `size` calls. */
  next(): { readonly frame: Buffer; readonly seq: number }
}

/** Prepared `publish` frames of sensor readings over `keys` sensors, in round-robin over all keys. */
export function createFramePool(options: {
  readonly size: number
  readonly eventsPerFrame: number
  readonly keys: number
  readonly seed: number
}): FramePool {
  const { size, eventsPerFrame, keys, seed } = options
  const time = Date.now()
  let n = seed
  const pool = Array.from({ length: size }, () => {
    const events = Array.from({ length: eventsPerFrame }, () => {
      n++
      const data = { sensorId: `s-${n % keys}`, temperature: (n % 1_280) / 64, humidity: n % 100 }
      return { id: `r-${n}`, time, data }
    })
    const frame = { type: 'publish', seq: FIRST_SEQ, topic: 'sensor.reading', events }
    return encodeFrame(Buffer.from(JSON.stringify(frame)))
  })
  let seq = FIRST_SEQ
  return {
    eventsPerFrame,
    bytesPerFrame: pool[0]!.frame.length,
    next() {
      const { frame, payloadAt } = pool[seq % size]!
      frame.write(String(seq), payloadAt + SEQ_AT, 'latin1')
      return { frame, seq: seq++ }
    },
  }
}
