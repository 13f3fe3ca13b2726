import { describe, expect, it } from 'vitest'
import { UnreadAge } from '../../../src/delivery/log/unread-age.ts'

const RETENTION_MS = 10_000

const answers = (...ends: readonly Readonly<Record<string, number>>[]) => {
  const age = new UnreadAge(RETENTION_MS)
  return ends.map((each) => age.answered(Object.entries(each).map(([topic, ms]) => ({ topic, streamId: `${ms}-0` }))))
}

describe('unread age', () => {
  it('D-TAIL-5 nothing is too old while answers follow one another', () => {
    expect(answers({ canary: 1_000 }, { canary: 1_500, a: 1_400 }, { a: 2_000 }, {}, { canary: 2_500 })).not.toContain(
      true,
    )
  })

  it('D-TAIL-5 what was added while nobody read may be trimmed, whichever log shows the time', () => {
    expect(answers({ canary: 1_000 }, { canary: 7_000 })).toEqual([false, true])
    expect(answers({ a: 1_000 }, {}, { b: 7_000 })).toEqual([false, false, true])
  })

  it('D-TAIL-5 a log that is read far behind the others may be trimmed with every answer', () => {
    expect(answers({ canary: 10_000, a: 1_000 }, { canary: 10_500, a: 1_200 })).toEqual([false, true])
  })
})
