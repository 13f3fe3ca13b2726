import fc from 'fast-check'
import { BatchReader, CorruptBatch, RecordBatchBuilder, type StoredEvent } from '../../../../server/src/bus/index.ts'
import { encodeEvents } from '../../../../server/src/delivery/wire/encoded-events.ts'
import { edited, jsonTexts } from '../json-text.ts'
import { must, target } from '../target.ts'
import { key, lane } from '../values.ts'

/** A stored record batch, its payload as base64. */
interface BatchInput {
  readonly header: string
  readonly payload: string
  readonly refused?: string
}

const stored: fc.Arbitrary<StoredEvent> = fc
  .record({ key, lane, time: fc.maxSafeInteger(), text: fc.string({ unit: 'binary', maxLength: 10 }) })
  .map(({ text, ...event }) => ({
    ...event,
    json: JSON.stringify({ id: 'e', key: event.key, time: event.time, data: { text } }),
  }))

const right = fc
  .array(fc.array(stored, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
  .map((slices) => {
    const builder = new RecordBatchBuilder()
    for (const slice of slices) builder.addSlice(slice)
    const { header, payload } = builder.build()
    return { header, payload: Buffer.from(payload) }
  })

/** Bits turned, an end torn off, something twice. */
const damaged = fc
  .tuple(right, fc.nat({ max: 10_000 }), fc.nat({ max: 7 }), fc.constantFrom('bit', 'torn', 'twice'))
  .map(([{ header, payload }, at, bit, how]) => {
    const bytes = Buffer.from(payload)
    const place = at % bytes.length
    if (how === 'bit') bytes[place]! ^= 1 << bit
    const changed = { bit: bytes, torn: bytes.subarray(0, place), twice: Buffer.concat([bytes, bytes]) }[how]
    return { header, payload: changed }
  })

const lying = fc
  .tuple(right, jsonTexts(right.map(({ header }) => JSON.parse(header) as unknown)))
  .map(([{ payload }, header]) => ({ header, payload }))
const torn = fc
  .tuple(right, fc.nat())
  .chain(([{ header, payload }]) => edited(fc.constant(header)).map((text) => ({ header: text, payload })))

/** Record batches as Redis may give them back, once something else has written there. */
export default target<BatchInput>({
  name: 'batches',
  inputs: fc
    .tuple(
      fc.oneof(right, damaged, { weight: 2, arbitrary: lying }, torn),
      fc.constantFrom(undefined, undefined, '0', '1', '0,1', '', '-1', '99', 'x', '1e9', '0,'.repeat(1_000)),
    )
    .map(([{ header, payload }, refused]) => ({
      header,
      payload: payload.toString('base64'),
      ...(refused !== undefined && { refused }),
    })),
  run({ header, payload, refused }) {
    try {
      read(new BatchReader({ header, payload: Buffer.from(payload, 'base64'), refused }))
    } catch (error) {
      if (!(error instanceof CorruptBatch)) throw error
    }
  },
  covers: [
    'server/src/bus/batch/record-batch.ts',
    'server/src/bus/batch/batch-reader.ts',
    'server/src/delivery/wire/encoded-events.ts',
  ],
})

function read(batch: BatchReader): void {
  const { header, refused } = batch
  const { count, keys, lanes, times, bytes, sliceStarts } = header
  for (const column of [keys, lanes, times, bytes]) must(column.length === count, 'a column has another length')
  must(
    keys.every((each) => typeof each === 'string'),
    'a key is no text',
  )
  must(
    sliceStarts.every((start) => start >= 0 && start < count),
    'a slice begins outside',
  )
  for (const index of refused) must(index >= 0 && index < count, 'what is refused lies outside')
  encodeEvents('{"at":"0@1/1-0.', batch)
  for (let i = 0; i < count; i++) must(Buffer.byteLength(batch.jsonOf(i)) > 0, 'an event is empty')
  must(batch.acceptedBodies().length === count - refused.size, 'events are missing')
}
