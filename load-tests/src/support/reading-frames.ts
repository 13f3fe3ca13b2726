import { encodeFrame } from './raw-websocket.ts'

/** Seqs and times are patched into prepared frames, so all have the same number of digits. */
const FIRST_SEQ = 10_000_000
const SEQ_AT = '{"type":"publish","seq":'.length
const TIME_FIELD = '"time":'

export interface FramePool {
  readonly eventsPerFrame: number
  /** The next frame, its events timed now, with the seq it carries. Frames come round again after `size` calls. */
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
    const encoded = encodeFrame(Buffer.from(JSON.stringify(frame)))
    return { ...encoded, timesAt: placesOf(TIME_FIELD, encoded.frame) }
  })
  let seq = FIRST_SEQ
  return {
    eventsPerFrame,
    next() {
      const { frame, payloadAt, timesAt } = pool[seq % size]!
      frame.write(String(seq), payloadAt + SEQ_AT, 'latin1')
      const now = String(Date.now())
      for (const at of timesAt) frame.write(now, at, 'latin1')
      return { frame, seq: seq++ }
    },
  }
}

/** Start of the value behind every occurrence of a field. */
function placesOf(field: string, frame: Buffer): number[] {
  const places: number[] = []
  for (let at = frame.indexOf(field); at !== -1; at = frame.indexOf(field, at + 1)) places.push(at + field.length)
  return places
}
