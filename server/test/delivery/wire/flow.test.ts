import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bytesInFlight,
  type Flow,
  type FlowEvent,
  isNearlyIdle,
  isWaitingForCredit,
  openFlow,
  stepFlow,
} from '../../../src/delivery/wire/flow.ts'

function run(flow: Flow, ...events: readonly (readonly [FlowEvent, number])[]): Flow {
  return events.reduce((state, [event, buffered]) => stepFlow(state, event, buffered), flow)
}
const wrote = (bytes: number): FlowEvent => ({ type: 'wrote', bytes })
const credited = (bytes: number): FlowEvent => ({ type: 'credited', bytes })

const open = (mode: Flow['mode']) => openFlow({ windowBytes: 1_000, lowWaterShare: 0.25, mode })

describe('flow', () => {
  it('D-FLOW-1 congests at the window and opens again at a quarter of it', () => {
    const full = run(open('credit'), [wrote(600), 0], [wrote(400), 0])
    expect(full.state).toBe('congested')
    expect(run(full, [credited(749), 0]).state).toBe('congested')
    expect(run(full, [credited(750), 0]).state).toBe('open')
  })

  it('D-FLOW-1 what the socket buffers guards a client with credit too', () => {
    const flow = run(open('credit'), [wrote(10), 1_000])
    expect(flow.state).toBe('congested')
    expect(run(flow, [credited(10), 1_000]).state).toBe('congested')
    expect(run(flow, [{ type: 'checked' }, 250]).state).toBe('open')
  })

  it('D-FLOW-2 goes by the buffered amount until the first credit, then by credit', () => {
    const silent = run(open('buffered'), [wrote(50_000), 0])
    expect(silent.state).toBe('open')
    expect(bytesInFlight(run(silent, [credited(20_000), 0]), 0)).toBe(30_000)
    expect(run(open('credit'), [wrote(50_000), 0]).state).toBe('congested')
    const pausing = run(open('buffered'), [credited(0), 0], [wrote(50_000), 0])
    expect(pausing.state).toBe('open')
    expect(isWaitingForCredit(pausing, 0)).toBe(false)
  })

  it('D-FLOW-3 ignores credit beyond what was written, and credit that goes back', () => {
    const flow = run(open('credit'), [wrote(500), 0], [credited(9_999), 0], [credited(100), 0])
    expect(bytesInFlight(flow, 0)).toBe(0)
    expect(bytesInFlight(run(flow, [wrote(300), 0]), 0)).toBe(300)
  })

  it('D-FLOW-1 never waits for a credit that cannot come', () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant('wrote' as const), bytes: fc.nat({ max: 500 }) }),
      fc.record({ type: fc.constant('credited' as const), bytes: fc.nat({ max: 5_000 }) }),
      fc.record({ type: fc.constantFrom('blocked' as const, 'checked' as const) }),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(event, fc.nat({ max: 1_200 }))),
        fc.constantFrom('credit', 'buffered'),
        (events, mode) => {
          const flow = run(open(mode as Flow['mode']), ...events)
          expect(flow.confirmed).toBeLessThanOrEqual(flow.written)
          if (isWaitingForCredit(flow, 0)) expect(flow.written - flow.confirmed).toBeGreaterThan(250)
          const confirmed = run(flow, [credited(flow.written), 0])
          expect(confirmed.state).toBe('open')
          expect(isNearlyIdle(confirmed, 0)).toBe(true)
        },
      ),
    )
  })
})
