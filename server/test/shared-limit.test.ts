import { expect, it } from 'vitest'
import { SharedLimit } from '../src/shared-limit.ts'
import { withinTimeLimit } from '../src/time-limit.ts'

function sharedLimit() {
  let limits = 0
  const shared = new SharedLimit((body) => {
    limits++
    return withinTimeLimit(body)
  })
  const runs: string[] = []
  const run = (name: string) => shared.run(() => void runs.push(name))
  const spin = () =>
    shared.run(() => {
      for (;;);
    })
  return { shared, run, spin, runs, limits: () => limits }
}

it('W-LOOP-9 what is ready in one turn of the event loop runs under one limit', async () => {
  const { run, runs, limits } = sharedLimit()
  expect(await Promise.all([run('a'), run('b'), run('c')])).toEqual([true, true, true])
  expect(runs).toEqual(['a', 'b', 'c'])
  expect(limits()).toBe(1)
  expect(await run('d')).toBe(true)
  expect(limits()).toBe(2)
})

it('W-LOOP-9 what does not return is ended alone: it gets a whole limit first, and what waits behind it runs', async () => {
  const { run, spin, runs, limits } = sharedLimit()
  expect(await Promise.all([run('a'), spin(), run('b')])).toEqual([true, false, true])
  expect(runs.at(-1)).toBe('b')
  expect(limits()).toBe(3)
  expect(await Promise.all([spin(), run('c')])).toEqual([false, true])
  expect(limits()).toBe(5)
})

it('W-LOOP-9 an error is that of its own part', async () => {
  const { shared, run } = sharedLimit()
  const broken = shared.run(() => {
    throw new Error('broken')
  })
  const outcomes = await Promise.allSettled([run('a'), broken, run('b')])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

it('W-LOOP-9 what takes long leaves those behind it a limit of their own', async () => {
  const { shared, run, limits } = sharedLimit()
  const slow = () =>
    shared.run(() => {
      for (const until = performance.now() + 15; performance.now() < until; );
    })
  expect(await Promise.all([run('a'), slow(), run('b'), run('c')])).toEqual([true, true, true, true])
  expect(limits()).toBe(2)
})
