import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { run } from '../../src/cli/project/contract.ts'
import { UsageError } from '../../src/cli/usage/usage-error.ts'
import { contractTypes } from '../../src/config/contract/contract-types.ts'
import { jsonSchemas } from '../../src/config/schema/schema.ts'
import { schemaType } from '../../src/config/schema/schema-type.ts'
import demo from '../../src/demo/demo.config.ts'
import { checkTypes } from '../support/tsc.ts'

const WINDOWS = fileURLToPath(new URL('../config/windows.config.ts', import.meta.url))
const ENTITIES = fileURLToPath(new URL('../config/entities.config.ts', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../../../examples/tidegate.config.ts', import.meta.url))

afterEach(() => {
  vi.restoreAllMocks()
})

/** Runs the command and collects what it prints. */
async function printed(...args: string[]) {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const code = await run(args)
  const text = out.mock.calls.map(([chunk]) => chunk).join('')
  vi.restoreAllMocks()
  return { code, out: text }
}

describe('tidegate contract', () => {
  test('K-PRINT-1 K-PRINT-3 --ts - its Contract has the topics and data of the config, also with windows of every shape, and its entities', {
    timeout: 120_000,
  }, async () => {
    const { code, out } = await printed('--ts', '--config', EXAMPLE)
    expect(code).toBe(0)
    const contractOf = async (path: string) => ((await import(path)) as { default: typeof demo }).default.contract
    await checkTypes({
      'example/contract.ts': out,
      'example/config.ts': await readFile(EXAMPLE, 'utf8'),
      'example/check.ts': `import type { Contract } from './contract.ts'
import type config from './config.ts'
type Printed = Contract['~topics']
type Declared = (typeof config)['~topics']
const names = (name: keyof Printed): keyof Declared => name
const namesBack = (name: keyof Declared): keyof Printed => name
const to = (topics: Printed): Declared => topics
const back = (topics: Declared): Printed => topics
const views = (entities: { [Name in keyof Contract['~entities']]: Contract['~entities'][Name]['view'] }): { [Name in keyof (typeof config)['~entities']]: (typeof config)['~entities'][Name]['view'] } => entities
// @ts-expect-error what a map returns is known
const text = (topics: Printed): string => topics['sensor.anomaly'].data
export { back, names, namesBack, text, to, views }
`,
      'windows/contract.ts': contractTypes(await contractOf(WINDOWS)),
      'windows/config.ts': await readFile(WINDOWS, 'utf8'),
      'windows/check.ts': `import type { Contract } from './contract.ts'
import type config from './config.ts'
type Printed = Contract['~topics']
type Declared = (typeof config)['~topics']
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const all: { [Name in keyof Declared]: Same<keyof Printed, keyof Declared> } = null!
const to = (topics: Printed): Declared => topics
const back = (topics: Declared): Printed => topics
const top = (topics: Printed) => topics['shop.per_item'].data.value.top
// @ts-expect-error results cannot be changed
const pushed = (topics: Printed) => top(topics).push()
// @ts-expect-error a session's pane may be withdrawn
const value = (topics: Printed) => topics['shop.visits'].data.value
export { all, back, pushed, to, value }
`,
      'entities/contract.ts': contractTypes(await contractOf(ENTITIES)),
      'entities/config.ts': await readFile(ENTITIES, 'utf8'),
      'entities/check.ts': `import type { Contract } from './contract.ts'
import type config from './config.ts'
type Printed = Contract['~entities']
type Declared = (typeof config)['~entities']
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Without<T, Members> = { [Name in keyof T]: Omit<T[Name], Members & keyof T[Name]> }
const names: Same<keyof Printed, keyof Declared> = true
const codes: Same<Printed['user']['rejections'], Declared['user']['rejections']> = true
const indexes: Same<Printed['user']['indexes'], Declared['user']['indexes']> = true
const none: Same<Printed['door']['rejections'], never> = true
const to = (entities: Without<Printed, 'view'>): Without<Declared, 'view'> => entities
// What zod lets be absent may be undefined too.
const back = (entities: Without<Declared, 'view' | 'commands'>): Without<Printed, 'view' | 'commands'> => entities
// The sender leaves a default out; the event has it.
const input: Printed['user']['commands']['register'] = { email: 'a' }
const tier = (event: Contract['~topics']['user.events']['data']): string | undefined =>
  event.type === 'registered' ? event.data?.tier : undefined
// @ts-expect-error nothing is known of it
const view = (entities: Printed): string => entities.user.view.email
export { back, codes, indexes, input, names, none, tier, to, view }
`,
    })
  })

  test('K-PRINT-2 --json - prints the contract as data with its hash', async () => {
    const { code, out } = await printed('--json', '--config', EXAMPLE)
    const { hash, topics } = JSON.parse(out) as { hash: string; topics: { name: string; kind: string }[] }
    expect(code).toBe(0)
    expect(hash).toBe(demo.contract.hash)
    expect(topics.map((topic) => topic.name)).toEqual([...demo.contract.topics.keys()])
    expect(topics[0]).toMatchObject({
      kind: 'source',
      key: 'sensorId',
      retentionMs: 3_600_000,
      schema: { type: 'object' },
    })
    expect(topics.find((topic) => topic.name === 'sensor.10s')).toMatchObject({ spec: { sizeMs: 10_000 } })
  })

  test('K-PRINT-2 run - without --config prints the built-in demo where no tidegate.config.ts lies', async () => {
    expect(JSON.parse((await printed('--json')).out)).toMatchObject({ hash: demo.contract.hash })
  })

  test.each([[[]], [['--ts', '--json']], [['--nope']], [['--config']]])('run - %j is not understood', async (args) => {
    await expect(run(args)).rejects.toThrow(UsageError)
  })

  test('run - a config that cannot be loaded is named', async () => {
    await expect(run(['--ts', '--config', 'nope.config.ts'])).rejects.toThrow(/nope\.config\.ts cannot be loaded/)
    const wrong = fileURLToPath(new URL('../../src/clock.ts', import.meta.url))
    await expect(run(['--ts', '--config', wrong])).rejects.toThrow(/must export defineConfig/)
  })
})

describe('printed types', () => {
  test('K-PRINT-2 example config - declares the same contract as the built-in demo', async () => {
    const { default: example } = (await import(EXAMPLE)) as { default: typeof demo }
    expect(contractTypes(example.contract)).toBe(contractTypes(demo.contract))
  })

  test.each([
    ['string', z.string()],
    ['number', z.int().min(3)],
    ['boolean', z.boolean()],
    ['null', z.null()],
    ['unknown', z.unknown()],
    ['never', z.never()],
    ['"a" | "b"', z.enum(['a', 'b'])],
    ['7', z.literal(7)],
    ['string | null', z.string().nullable()],
    ['(string | number)[]', z.array(z.union([z.string(), z.number()]))],
    ['[string, number]', z.tuple([z.string(), z.number()])],
    ['[string, ...(number)[]]', z.tuple([z.string()], z.number())],
    ['Record<string, number>', z.record(z.string(), z.number())],
    [
      '{ a: string; b?: number; "c d": string }',
      z.object({ a: z.string(), b: z.number().optional(), 'c d': z.string() }),
    ],
    ['{ unit: string }', z.object({ unit: z.string().default('degC') })],
    ['{ a: string; b: number }', z.object({ a: z.string() }).and(z.object({ b: z.number() }))],
    [
      '{ k: "a"; x: number } | { k: "b" }',
      z.discriminatedUnion('k', [z.object({ k: z.literal('a'), x: z.number() }), z.object({ k: z.literal('b') })]),
    ],
  ])('K-PRINT-1 schemaType - prints %s', (type, schema) => {
    expect(schemaType(jsonSchemas(schema).published)).toBe(type)
  })

  test('K-PRINT-1 schemaType - a recursive schema prints unknown where it recurs', () => {
    const node = z.object({
      name: z.string(),
      get children() {
        return z.array(node)
      },
    })
    expect(schemaType(jsonSchemas(node).published)).toBe('{ name: string; children: (unknown)[] }')
  })
})
