import { describe, expect, test } from 'vitest'
import { withinTimeLimit } from '../src/time-limit.ts'

/** Sleeps without using a CPU, as a process that is stopped does. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('withinTimeLimit', () => {
  test('E-RUN-5 ends what does not return', () => {
    expect(
      withinTimeLimit(() => {
        for (;;);
      }),
    ).toBe(false)
    expect(withinTimeLimit(() => {})).toBe(true)
  })

  test('E-RUN-5 runs again what had no CPU', () => {
    let attempts = 0
    const isOver = withinTimeLimit(() => {
      attempts++
      if (attempts < 3) sleep(500)
      // Here at the latest it is ended.
      for (let i = 0; i < 1_000; i++) Math.sqrt(i)
    })
    expect(isOver).toBe(true)
    expect(attempts).toBe(3)
  })

  test('E-RUN-5 hands on what is thrown', () => {
    expect(() =>
      withinTimeLimit(() => {
        throw new Error('no')
      }),
    ).toThrow('no')
  })
})
