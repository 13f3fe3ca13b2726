import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Audit } from '../../src/observability/audit.ts'
import { createLog } from '../../src/observability/log.ts'

const lines: Record<string, unknown>[] = []
const audit = () =>
  new Audit(createLog('info', 'gw', 'gateway', { write: (line: string) => lines.push(JSON.parse(line)) }))
const failure = (address: string) => ({ kind: 'authentication_failed', address, what: 'expired' }) as const

beforeEach(() => {
  lines.length = 0
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('audit', () => {
  it('X-AUDIT-1 an event is a line with kind, subject, address, what and time', () => {
    audit().note({ kind: 'revoked', subject: 'ann', address: '10.0.0.1', what: `token ${'x'.repeat(1_000)}` })
    expect(lines).toEqual([
      expect.objectContaining({ audit: true, kind: 'revoked', subject: 'ann', address: '10.0.0.1' }),
    ])
    expect(String(lines[0]!.what).length).toBeLessThan(300)
    expect(Date.parse(String(lines[0]!.time))).not.toBeNaN()
  })

  it('X-AUDIT-2 a flood of one kind from one address is cut and counted, others are not, and a minute later it may write again', () => {
    const log = audit()
    for (let i = 0; i < 1_000; i++) log.note(failure('10.0.0.1'))
    log.note(failure('10.0.0.2'))
    log.note({ kind: 'admin_denied', address: '10.0.0.1', what: '/metrics' })
    expect(lines).toHaveLength(22)
    vi.advanceTimersByTime(60_000)
    expect(lines.slice(22)).toEqual([expect.objectContaining({ address: '10.0.0.1', leftOut: 980 })])
    log.note(failure('10.0.0.1'))
    expect(lines).toHaveLength(24)
    log.close()
    expect(lines).toHaveLength(24)
  })

  it('X-AUDIT-2 a flood from everywhere has its bound too', () => {
    const log = audit()
    for (let i = 0; i < 5_000; i++) log.note(failure(`10.0.${i >> 8}.${i & 255}`))
    expect(lines).toHaveLength(1_020)
    log.close()
    expect(lines.at(-1)).toMatchObject({ kind: 'authentication_failed', leftOut: 3_980 })
    expect(lines.at(-1)).not.toHaveProperty('address')
  })
})
