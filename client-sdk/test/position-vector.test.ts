import { formatPosition, LANES, type Lane } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PositionVector } from '../src/subscriptions/position-vector.ts'

const TOPIC = 'sensor.reading'

describe('position vector', () => {
  test('C-DEDUP-1 admit - what lies at or below the position is a repeat', () => {
    const vector = new PositionVector()
    const admitted = ['0@e/5-0.1', '0@e/5-0.1', '0@e/5-0.0', '0@e/4-9.7', '0@e/5-0.2', '0@e/5-1.0', '0@e/10-0.0']
    expect(admitted.map((at) => vector.admit(TOPIC, 'low', at))).toEqual([true, false, false, false, true, true, true])
  })

  test('C-DEDUP-1 admit - topics, lanes and partitions are apart', () => {
    const vector = new PositionVector()
    expect(vector.admit(TOPIC, 'low', '0@e/5-0.0')).toBe(true)
    expect(vector.admit(TOPIC, 'high', '0@e/4-0.0')).toBe(true)
    expect(vector.admit(TOPIC, 'low', '1@e/4-0.0')).toBe(true)
    expect(vector.admit('sensor.10s', 'low', '0@e/4-0.0')).toBe(true)
    expect(vector.toWire()).toEqual({
      'sensor.reading': { high: ['0@e/4-0.0'], low: ['0@e/5-0.0', '1@e/4-0.0'] },
      'sensor.10s': { low: ['0@e/4-0.0'] },
    })
  })

  test('C-DEDUP-2 admit - a position of another epoch replaces, even one below', () => {
    const vector = new PositionVector()
    vector.admit(TOPIC, 'low', '0@old/5-0.0')
    expect(vector.admit(TOPIC, 'low', '0@new/3-0.0')).toBe(true)
    expect(vector.admit(TOPIC, 'low', '0@new/3-0.0')).toBe(false)
    expect(vector.toWire()).toEqual({ [TOPIC]: { low: ['0@new/3-0.0'] } })
  })

  test('C-DEDUP-2 C-DEDUP-3 merge - never moves back within an epoch', () => {
    const vector = new PositionVector()
    vector.admit(TOPIC, 'low', '0@e/5-0.0')
    vector.merge({ [TOPIC]: { low: ['0@e/4-0.999999', '1@e/7-0.3'], high: ['0@e/6-0.0'] } })
    expect(vector.toWire()).toEqual({ [TOPIC]: { high: ['0@e/6-0.0'], low: ['0@e/5-0.0', '1@e/7-0.3'] } })
  })

  test('C-DEDUP-3 merge - index 999999 stands for the whole entry', () => {
    const vector = new PositionVector()
    vector.merge({ [TOPIC]: { low: ['0@e/5-0.999999'] } })
    expect(vector.admit(TOPIC, 'low', '0@e/5-0.12345')).toBe(false)
    expect(vector.admit(TOPIC, 'low', '0@e/5-1.0')).toBe(true)
  })

  test('C-DEDUP-1 admit - of any log sent in any overlapping pieces, each event passes once and in order', () => {
    const lane = fc.constantFrom<Lane>(...LANES)
    const log = fc.array(fc.record({ lane, partition: fc.nat({ max: 2 }) }), { minLength: 1, maxLength: 40 })
    const starts = fc.array(fc.nat({ max: 40 }), { maxLength: 6 })
    fc.assert(
      fc.property(log, starts, (events, resumes) => {
        const vector = new PositionVector()
        const at = (index: number, partition: number) =>
          formatPosition({ partition, epoch: 'e', streamId: `${100 + Math.floor(index / 3)}-0`, index: index % 3 })
        const passed: number[] = []
        let upTo = 0
        // Each piece begins anywhere in what was sent so far, as a server may after a reconnect, and reaches further.
        for (const resume of [...resumes, 0]) {
          const from = Math.min(resume, upTo)
          upTo = resumes.at(-1) === resume ? events.length : Math.min(events.length, upTo + 7)
          events.slice(0, upTo).forEach(({ lane: each, partition }, index) => {
            if (index >= from && vector.admit(TOPIC, each, at(index, partition))) passed.push(index)
          })
        }
        expect(passed).toEqual(events.slice(0, upTo).map((_, index) => index))
      }),
    )
  })
})
