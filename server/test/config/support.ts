import { z } from 'zod'
import { ConfigError } from '../../src/config/config-error.ts'
import type { WindowTopic } from '../../src/config/contract/model.ts'
import { type AnyTopic, topic } from '../../src/config/declarations/topic.ts'
import { resolveContract } from '../../src/config/resolve.ts'

export const schema = z.object({
  id: z.string(),
  n: z.number(),
  size: z.int(),
  ok: z.boolean(),
  site: z.enum(['north', 'south']),
  note: z.string().optional(),
  tags: z.array(z.string()),
  at: z.object({ x: z.number(), label: z.string().nullable() }),
})

export const source = (name = 'a') => topic(name, { schema, key: 'id' })

export const aggregate = { n: 'count' } as const

/** The contract of some topics. */
export function resolve(...topics: readonly AnyTopic[]) {
  return resolveContract(topics.map((declared) => declared['~declaration']))
}

/** The problems of a config, as `topic: code`. */
export function problems(...topics: readonly AnyTopic[]): string[] {
  try {
    resolve(...topics)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => `${problem.topic}: ${problem.code}`)
    throw error
  }
  return []
}

/** What a config file may contain although the types refuse it. */
export const untyped = <T>(value: unknown) => value as T

/** A window over a source, its options unchecked by types. */
export function windowWith(options: object) {
  const a = source()
  return [a, a.window('w', untyped<{ tumbling: '1s'; aggregate: typeof aggregate }>(options))] as const
}

/** What such a window resolves to. */
export function resolved(options: object): WindowTopic {
  const window = resolve(...windowWith({ aggregate, ...options })).topics.get('w')
  if (window?.kind !== 'window') throw new Error('not a window')
  return window
}
