import { describe, expect, it } from 'vitest'
import { Rights } from '../../../src/access/index.ts'
import {
  type PolicyLimits,
  planSubscription,
  type SubscribeFrame,
  UNLIMITED,
} from '../../../src/delivery/subscription/subscription-plan.ts'
import { contractOf } from '../support.ts'

const CONTRACT = contractOf(['sensor.reading', 'commerce.order'], ['sensor.anomaly', 'sensor.anomaly.late'])

function plan(over: Record<string, unknown>, limits = UNLIMITED) {
  return planSubscription(
    { type: 'subscribe', sub: 1, topic: 'sensor.reading', ...over } as SubscribeFrame,
    CONTRACT,
    4,
    limits,
    Rights.EVERYTHING,
  )
}
const topics = (topic: string) => {
  const result = plan({ topic })
  return result.ok ? result.plan.topics : result.code
}
const code = (over: Record<string, unknown>) => {
  const result = plan(over)
  return result.ok ? 'ok' : result.code
}

describe('subscription plan', () => {
  it('D-INDEX-1 resolves names and selectors against the contract, results included', () => {
    expect(topics('sensor.reading')).toEqual(['sensor.reading'])
    expect(topics('sensor.*')).toEqual(['sensor.reading', 'sensor.anomaly'])
    expect(topics('sensor.>')).toEqual(['sensor.reading', 'sensor.anomaly', 'sensor.anomaly.late'])
    expect(topics('>')).toEqual([...CONTRACT.topics.keys()])
  })

  it('D-SNAP-1 takes a snapshot of windows only, from now or positions', () => {
    const refused = { ok: false, code: 'unsupported', message: expect.stringContaining('snapshot') }
    expect(plan({ snapshot: true })).toMatchObject(refused)
    expect(plan({ topic: 'sensor.>', snapshot: true })).toMatchObject(refused)
    expect(plan({ snapshot: false })).toMatchObject({ ok: true, plan: { snapshot: false } })
  })

  it('D-POLICY-1 grants what is asked for within what the node allows, and says what', () => {
    const policy = (over: Record<string, unknown>, limits: PolicyLimits) => {
      const result = plan(over, limits)
      return result.ok ? result.plan.policy : undefined
    }
    const limits: PolicyLimits = { onSlow: ['sample', 'conflate'], maxRate: 10 }
    expect(policy({}, UNLIMITED)).toEqual({ onSlow: 'drop-oldest', maxRate: undefined })
    expect(policy({ onSlow: 'disconnect', maxRate: 0.5 }, UNLIMITED)).toEqual({ onSlow: 'disconnect', maxRate: 0.5 })
    expect(policy({}, limits)).toEqual({ onSlow: 'sample', maxRate: 10 })
    expect(policy({ onSlow: 'conflate', maxRate: 5 }, limits)).toEqual({ onSlow: 'conflate', maxRate: 5 })
    expect(policy({ onSlow: 'disconnect', maxRate: 50 }, limits)).toEqual({ onSlow: 'sample', maxRate: 10 })
  })

  it('D-RESUME-14 keeps the positions of its own topics alone', () => {
    const high = ['0@abc/1700000000000-0.3']
    const positions = {
      'sensor.reading': { high },
      'commerce.order': { high },
      constructor: { high },
      'no.such': { high },
    }
    const result = plan({ topic: 'sensor.*', from: { positions, absent: 'now' } })
    expect(result).toMatchObject({ ok: true, from: { absent: 'now' } })
    expect(result).toHaveProperty('from.positions', { 'sensor.reading': { high } })
  })

  it('D-SUB-1 serves latest for results only', () => {
    expect(code({ topic: 'sensor.anomaly', from: 'latest' })).toBe('ok')
    expect(code({ topic: 'sensor.*', from: 'latest' })).toBe('unsupported')
  })

  it('D-SUB-2 answers what is wrong with its code', () => {
    expect(code({ topic: 'Sensor' })).toBe('invalid_selector')
    expect(code({ topic: 'sensor.nothing' })).toBe('unknown_topic')
    expect(code({ topic: 'nothing.*' })).toBe('unknown_topic')
    expect(code({ lanes: [] })).toBe('invalid_frame')
    expect(plan({ where: 'data.a = 1' })).toMatchObject({
      code: 'invalid_filter',
      message: expect.stringMatching(/^where: column 8: expected /),
    })
    for (const time of [-1, 1.5, Number.NaN]) expect(code({ from: { time } })).toBe('invalid_frame')
    const at = (position: string) => code({ from: { positions: { 'sensor.reading': { high: [position] } } } })
    expect(at('3@e/5-0.0')).toBe('ok')
    expect(at('nonsense')).toBe('invalid_position')
    expect(at('4@e/5-0.0')).toBe('invalid_position')
    expect(at('3@e/5-99999999999999999999.0')).toBe('invalid_position')
  })
})
