import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineConfig, topic } from '../../src/index.ts'
import { ScanPace } from '../../src/ingest/index.ts'
import { FrameScanner } from '../../src/ingest/scan/frame-scanner.ts'

const meter = z.object({ meterId: z.string(), kwh: z.number().min(0), phase: z.enum(['a', 'b']).optional() })
const { contract } = defineConfig({
  topics: [
    topic('meter', { schema: meter, key: 'meterId' }),
    topic('refined', { schema: meter.refine(() => true), key: 'meterId' }),
    topic('trimmed', { schema: z.object({ meterId: z.string().trim(), kwh: z.number() }), key: 'meterId' }),
    topic('judged', { schema: meter, key: 'meterId', priority: () => 'high' }),
  ],
})
const scanner = new FrameScanner(contract, 4)

const DATA = '{"meterId":"m-1","kwh":1.5,"phase":"a"}'
const eventOf = (data: string) => `{"id":"e-1","time":1732350000000,"data":${data}}`
const frameOf = (events: string, topicName = 'meter') =>
  `{"type":"publish","seq":7,"topic":"${topicName}","events":[${events}]}`

/** Data as it is stored, or `parsed` for a frame that is left to the parser. */
function read(frame: string | Buffer): string | 'parsed' {
  const found = scanner.scan(Buffer.from(frame), new ScanPace())
  if (found === undefined || !found.events.stamp(1_732_350_000_000, () => 'stamped')) return 'parsed'
  const [slice] = found.events.slices().values()
  const out = Buffer.alloc(1_000)
  return out.toString('utf8', 0, slice!.write(0, out, 0))
}

describe('scan', () => {
  it('I-SCAN-2 takes what fits a plain schema, and stores members in its order', () => {
    const stored = `{"id":"e-1","key":"m-1","time":1732350000000,"data":${DATA}}`
    expect(read(frameOf(eventOf(DATA)))).toBe(stored)
    expect(read(frameOf(eventOf('{"phase":"a","kwh":1.5,"meterId":"m-1"}')))).toBe(stored)
    expect(read(frameOf(`{"data":${DATA},"time":1732350000000,"id":"e-1"}`))).toBe(stored)
    expect(read(frameOf(`{"data":${DATA}}`))).toBe(stored.replace('e-1', 'stamped'))
    expect(read(frameOf(eventOf('{"meterId":"é","kwh":0.30000000000000004}')))).toContain('"kwh":0.30000000000000004}}')
  })

  it('I-SCAN-2 leaves other schemas, and lanes that depend on the data, to the parser', () => {
    for (const name of ['refined', 'trimmed', 'judged', 'nothing']) {
      expect(read(frameOf(eventOf('{"meterId":"m-1","kwh":1.5}'), name))).toBe('parsed')
    }
  })

  it.each([
    ['an escape', '{"meterId":"m\\u002d1","kwh":1.5}'],
    ['white space', '{"meterId": "m-1","kwh":1.5}'],
    ['a member twice', '{"meterId":"m-1","kwh":1.5,"kwh":2.5}'],
    ['a member that the schema does not have', '{"meterId":"m-1","kwh":1.5,"x":1}'],
    ['a missing member', '{"meterId":"m-1"}'],
    ['a number beyond its bounds', '{"meterId":"m-1","kwh":-1.5}'],
    ['another spelling of a number', '{"meterId":"m-1","kwh":1.50}'],
    ['an exponent', '{"meterId":"m-1","kwh":1e3}'],
    ['minus zero', '{"meterId":"m-1","kwh":-0}'],
    ['too many digits', '{"meterId":"m-1","kwh":12345678901234567}'],
    ['a value of no enum', '{"meterId":"m-1","kwh":1.5,"phase":"c"}'],
    ['an empty key', '{"meterId":"","kwh":1.5}'],
  ])('I-SCAN-3 leaves %s to the parser', (_, data) => {
    expect(read(frameOf(eventOf(data)))).toBe('parsed')
  })

  it('I-SCAN-3 leaves bytes that are no UTF-8, and ids that stand twice, to the parser', () => {
    const frame = Buffer.from(frameOf(eventOf('{"meterId":"m?1","kwh":1.5}')))
    frame[frame.indexOf('?')] = 0xff
    expect(read(frame)).toBe('parsed')
    expect(read(frameOf(`${eventOf(DATA)},${eventOf(DATA)}`))).toBe('parsed')
  })

  it('I-SCAN-4 tries one of 64 frames of a connection whose frames are not plain, and the next after one that is', () => {
    const pace = new ScanPace()
    let tried = 0
    for (let frame = 0; frame < 6_400; frame++) {
      if (!pace.isDue()) continue
      tried++
      pace.declined()
    }
    expect(tried).toBeLessThan(120)
    while (!pace.isDue());
    pace.scanned()
    expect(pace.isDue()).toBe(true)
  })
})
