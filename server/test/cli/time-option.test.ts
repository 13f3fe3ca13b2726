import { expect, test } from 'vitest'
import { parseTime } from '../../src/cli/usage/time-option.ts'
import { UsageError } from '../../src/cli/usage/usage-error.ts'

const NOW = Date.UTC(2026, 10, 23, 12)

test('X-BACKFILL-1 parseTime - reads days, times with their zone and durations', () => {
  const times = ['2026-11-23', '2024-02-29', '2026-11-23T12:00Z', '2026-11-23T12:00:00.5+01:00', '24h', '0s']
  expect(times.map((text) => parseTime('from', text, NOW))).toEqual([
    Date.UTC(2026, 10, 23),
    Date.UTC(2024, 1, 29),
    NOW,
    NOW - 3_600_000 + 500,
    NOW - 86_400_000,
    NOW,
  ])
})

test.each(['2026-02-30', '2026-04-31T00:00:00Z', '2025-02-29', '2026-13-01', '2026-11-23T12:00', '-6h', '1.5h', ''])(
  'X-BACKFILL-1 parseTime - %j is no time',
  (text) => expect(() => parseTime('from', text, NOW)).toThrow(UsageError),
)
