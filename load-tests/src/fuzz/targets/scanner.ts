import { LIMITS } from '@tidegate/protocol'
import { ALL_KEYS } from '../../../../server/src/access/index.ts'
import {
  partitionOf,
  RecordBatchBuilder,
  type SliceEvents,
  type StoredEvent,
} from '../../../../server/src/bus/index.ts'
import { parseClientFrame } from '../../../../server/src/gateway/client-frame.ts'
import { checksumOf, checksumOfBytes, eventsText } from '../../../../server/src/ingest/content.ts'
import { EventTraces } from '../../../../server/src/ingest/event-traces.ts'
import { FrameScanner } from '../../../../server/src/ingest/scan/frame-scanner.ts'
import { ScanPace } from '../../../../server/src/ingest/scan/scan-pace.ts'
import { validateFrame } from '../../../../server/src/ingest/validate.ts'
import { plainContract, plainFrames } from '../plain-frames.ts'
import { must, target } from '../target.ts'

const PARTITIONS = 4
const NOW = 1_732_350_000_000

const scanner = new FrameScanner(plainContract, PARTITIONS)

/** What is stored of a frame, and what its attempts are compared by. */
export interface StoredFrame {
  readonly seq: number
  readonly topic: string
  readonly ageMs: number | undefined
  readonly checksum: string
  /** Record batches by partition, in the order of their slices. */
  readonly batches: readonly (readonly [partition: number, header: string, payload: string])[]
}

/** `undefined` for a frame that is not scanned. */
export function scanned(frame: Buffer): StoredFrame | undefined {
  const found = scanner.scan(frame, new ScanPace())
  if (found === undefined) return undefined
  const { seq, topic, ageMs, events } = found
  if (!events.stamp(NOW, stampedId())) return undefined
  const checksum = checksumOfBytes(topic, events.content, events.hasWide)
  return { seq, topic, ageMs, checksum, batches: batchesOf(events.slices()) }
}

/** `undefined` for a frame of which not everything is stored. */
export function parsed(frame: Buffer): StoredFrame | undefined {
  const text = frame.toString('utf8')
  const checked = parseClientFrame(text)
  if (!checked.ok || checked.frame.type !== 'publish') return undefined
  const { seq, topic: name, ageMs, events, end, rejected, trace } = checked.frame
  const topic = plainContract.topics.get(name)
  if (topic?.kind !== 'source' || events.length === 0 || events.length > LIMITS.frameEvents) return undefined
  if (end !== undefined || rejected !== undefined) return undefined
  const traces = EventTraces.ofFrame(trace)
  const context = { now: NOW, scope: ALL_KEYS, nextId: stampedId(), report: () => 'defect', traces }
  const { accepted, refused } = validateFrame(topic, events, context)
  if (refused.length > 0) return undefined
  const slices = new Map<number, StoredEvent[]>()
  for (const event of accepted) {
    const partition = partitionOf(event.key, PARTITIONS)
    slices.set(partition, [...(slices.get(partition) ?? []), event])
  }
  return { seq, topic: name, ageMs, checksum: checksumOf(name, eventsText(text)), batches: batchesOf(slices) }
}

function batchesOf(slices: ReadonlyMap<number, SliceEvents>): StoredFrame['batches'] {
  return [...slices].map(([partition, events]) => {
    const builder = new RecordBatchBuilder()
    builder.addSlice(events)
    const { header, payload } = builder.build()
    return [partition, header, payload.toString('latin1')] as const
  })
}

function stampedId(): () => string {
  let count = 0
  return () => `stamped-${count++}`
}

/** A frame that is scanned is stored as if it were parsed. */
export default target<string>({
  name: 'scanner',
  inputs: plainFrames,
  run(input) {
    const frame = Buffer.from(input, 'latin1')
    const found = scanned(frame)
    if (found === undefined) return
    const expected = parsed(frame)
    must(expected !== undefined, 'a frame was scanned that is not stored as a whole')
    must(JSON.stringify(found) === JSON.stringify(expected), 'a scanned frame is stored otherwise')
  },
  covers: [
    'server/src/ingest/event-traces.ts',
    'server/src/ingest/scan/frame-scanner.ts',
    'server/src/ingest/scan/data-scanner.ts',
    'server/src/ingest/scan/scanned-events.ts',
    'server/src/ingest/scan/id-hashes.ts',
  ],
})
