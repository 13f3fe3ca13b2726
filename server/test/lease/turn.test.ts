import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Turn } from '../../src/lease/turn.ts'

describe('turn', () => {
  it('L-TURN-1 admits one at a time, urgent callers first, each kind in the order of arrival', async () => {
    const turn = new Turn()
    const log: string[] = []
    const call = (name: string, isUrgent: boolean) =>
      turn.run(
        async () => {
          log.push(`${name} in`)
          await yieldToLoop()
          log.push(`${name} out`)
        },
        { isUrgent },
      )
    const calls = [call('a', false), call('b', false), call('c', false)]
    expect(turn.isWanted).toBe(false)
    calls.push(call('x', true), call('y', true))
    expect(turn.isWanted).toBe(true)
    await Promise.all(calls)
    expect(log).toEqual(['a', 'x', 'y', 'b', 'c'].flatMap((name) => [`${name} in`, `${name} out`]))
    await expect(turn.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await turn.run(async () => 'free again')).toBe('free again')
  })

  it('L-TURN-2 a flood of urgent callers leaves every seventeenth turn to others', async () => {
    const turn = new Turn()
    const log: string[] = []
    const calls = [turn.run(yieldToLoop), turn.run(async () => void log.push('patient'))]
    for (let i = 0; i < 40; i++) calls.push(turn.run(async () => void log.push('urgent'), { isUrgent: true }))
    await Promise.all(calls)
    expect(log.indexOf('patient')).toBe(16)
  })

  it('L-TURN-3 a caller that waits is hurried, behind the urgent ones that wait', async () => {
    const turn = new Turn()
    const log: string[] = []
    const hurried = {}
    const call = (name: string, options: { isUrgent?: boolean; caller?: object }) =>
      turn.run(async () => void log.push(name), options)
    const calls = [turn.run(yieldToLoop), call('a', {}), call('b', { caller: hurried })]
    calls.push(call('x', { isUrgent: true }))
    turn.hurry(hurried)
    turn.hurry({})
    expect(turn.isWanted).toBe(true)
    await Promise.all(calls)
    expect(log).toEqual(['x', 'b', 'a'])
  })
})
