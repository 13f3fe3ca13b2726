import { expect, it } from 'vitest'
import { z } from 'zod'
import type { Bus, LogSize } from '../../src/bus/index.ts'
import { LetterTopics } from '../../src/dead-letters/index.ts'
import { LOGS_A_LOOK } from '../../src/dead-letters/letter-topics.ts'
import { defineConfig, topic } from '../../src/index.ts'

const names = (count: number) => Array.from({ length: count }, (_, n) => `a.${String(n).padStart(4, '0')}`)
const contractOf = (count: number) =>
  defineConfig({ topics: names(count).map((name) => topic(name, { schema: z.object({ id: z.string() }), key: 'id' })) })
    .contract

/** Logs that have a letter, as `<partition> <topic>`. */
function busWith(partitions: number, letters: ReadonlySet<string>) {
  const asked = { logs: 0 }
  const log = (partition: number) => ({
    sizes: async (topics: readonly string[]) => {
      asked.logs += topics.length
      const sizeOf = (name: string) => ({ length: [...letters].some((one) => isThat(one, partition, name)) ? 1 : 0 })
      return new Map(topics.map((name) => [name, sizeOf(name) as LogSize]))
    },
  })
  return { asked, bus: { partitions, log } as unknown as Bus }
}

const isThat = (letter: string, partition: number, log: string) => {
  const [at, name] = letter.split(' ')
  return Number(at) === partition && log.includes(name!)
}

it('DL-TOPICS-1 few logs - are all looked at each time', async () => {
  const letters = new Set(['3 a.0007', '1 a.0002'])
  const { asked, bus } = busWith(4, letters)
  const topics = new LetterTopics(bus, contractOf(10))
  expect(await topics.look()).toEqual(['a.0002', 'a.0007'])
  letters.delete('3 a.0007')
  expect(await topics.look()).toEqual(['a.0002'])
  expect(asked.logs).toBe(80)
})

it('DL-TOPICS-1 many logs - are looked at in turn, no more than so many at a time', async () => {
  const letters = new Set(['15 a.0299', '0 a.0001'])
  const { asked, bus } = busWith(16, letters)
  const topics = new LetterTopics(bus, contractOf(300))
  const looks = 5
  const found: (readonly string[])[] = []
  for (let look = 0; look < looks; look++) {
    const before = asked.logs
    found.push(await topics.look())
    expect(asked.logs - before).toBe(LOGS_A_LOOK)
  }
  expect(found[0]).toEqual(['a.0001'])
  expect(found.at(-1)).toEqual(['a.0001', 'a.0299'])
})
