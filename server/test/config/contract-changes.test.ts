import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { claimOf } from '../../src/config/changes/claim.ts'
import { CHANGES, changeOf, type Rollout } from '../../src/config/changes/contract-changes.ts'
import { contractDifferences, relationOf } from '../../src/config/changes/contract-differences.ts'
import { type DescribedContract, describeContract } from '../../src/config/changes/describe.ts'
import { isGrowth } from '../../src/config/changes/schema-growth.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'

const fields = { id: z.string(), kind: z.string(), v: z.number() }
const schema = z.object(fields)
const source = (options: object = {}) => topic('a.b', { schema, key: 'id', ...options })
const counted = z.object({ by: z.number() })
type Changed = Readonly<Record<string, unknown>> & {
  readonly version?: number
  readonly event?: z.ZodType
  readonly input?: z.ZodType
}
const user = ({ version = 1, event = counted, input = counted, ...more }: Changed = {}) =>
  entity('user', {
    key: 'id',
    version,
    state: { initial: { n: 0 as number } },
    events: { added: event as typeof counted },
    evolve: { added: ({ n }: { n: number }, { by }: { by: number }) => ({ n: n + by }) },
    commands: {
      add: { input: input as typeof counted, decide: (_: unknown, data: { by: number }) => [{ type: 'added', data }] },
    },
    ...more,
  } as never)
const configOf = (topics: readonly unknown[], entities: readonly unknown[] = []) =>
  describeContract(defineConfig({ topics, entities } as never).contract)

/** With something over its source. */
const over = (declared: (from: ReturnType<typeof source>) => unknown) => {
  const from = source()
  return configOf([from, declared(from)])
}
const window = (options: object = {}) =>
  over((from) => from.window('a.sum', { tumbling: '1m', aggregate: { v: { sum: 'v' } }, ...options } as never))
const flow = (version: number) => over((from) => from.map((data) => data).to('a.flow', { version }))
const filtered = over((from) => from.filter(() => true).to('a.flow', { version: 1 }))

const base = configOf([source()])
const withUser = configOf([source()], [user()])

/** A change, between which contracts, and how it gets there. */
const CASES: readonly (readonly [
  what: string,
  before: DescribedContract,
  after: DescribedContract,
  rollout: Rollout,
])[] = [
  ['topic added', base, configOf([source(), topic('a.c', { schema, key: 'id' })]), 'rolling'],
  ['topic added', base, window(), 'rolling'],
  ['topic added', base, flow(1), 'rolling'],
  ['topic added', base, configOf([source({ presence: true })]), 'rolling'],
  ['topic removed', window(), base, 'stop'],
  ['topic retentionMs', base, configOf([source({ retention: '90d' })]), 'free'],
  ['topic kind', configOf([source(), topic('a.flow', { schema, key: 'id' })]), flow(1), 'stop'],
  ['source key', base, configOf([source({ key: 'kind' })]), 'stop'],
  ['source schema', base, configOf([source({ schema: schema.extend({ more: z.number().optional() }) })]), 'rolling'],
  ['source schema', base, configOf([source({ schema: schema.extend({ v: z.string() }) })]), 'stop'],
  ['source schema', base, configOf([source({ schema: schema.extend({ more: z.number() }) })]), 'stop'],
  ['source maxFutureMs', base, configOf([source({ maxFuture: '1h' })]), 'free'],
  ['flow version', flow(1), flow(2), 'stop'],
  ['flow steps', flow(1), filtered, 'stop'],
  ['window spec', window(), window({ tumbling: '2m' }), 'stop'],
  ['window spec', window(), window({ outOfOrderness: '9s' }), 'stop'],
  ['window where', window(), window({ where: { version: 1, keep: () => true } }), 'stop'],
  ['window lane', window(), window({ priority: 'high' }), 'free'],
  ['entity added', base, withUser, 'rolling'],
  ['entity removed', withUser, base, 'stop'],
  ['entity version', withUser, configOf([source()], [user({ version: 2 })]), 'stop'],
  [
    'entity events',
    withUser,
    configOf([source()], [user({ event: counted.extend({ at: z.number().optional() }) })]),
    'stop',
  ],
  ['entity commands', withUser, configOf([source()], [user({ input: counted.extend({ at: z.number() }) })]), 'stop'],
  ['entity rejections', withUser, configOf([source()], [user({ rejections: ['no'] })]), 'stop'],
  ['entity indexes', withUser, configOf([source()], [user({ indexes: { n: () => 'x' } })]), 'stop'],
]

/** How the contract after the change stands to the one before. */
const RELATIONS = { free: /^same$/, rolling: /^newer$/, stop: /^(apart|older)$/ } as const

describe('changes of a contract', () => {
  it.each(CASES)('K-CHANGE-1 K-CHANGE-2 %s', (_, before, after, rollout) => {
    const differences = contractDifferences(before, after)
    expect(differences.some((one) => one.rollout === rollout)).toBe(true)
    const relation = relationOf(after, before)
    expect(relation).toMatch(RELATIONS[rollout])
    if (rollout === 'rolling') expect(relationOf(before, after)).toBe('older')
    if (rollout !== 'free') expect(after.hash).not.toBe(before.hash)
  })

  it('K-CHANGE-1 has a case for each row that a config can bring about alone', () => {
    const rows = CHANGES.map(({ of, what }) => `${of} ${what}`)
    const others = rows.filter((row) => !CASES.some(([what]) => what === row))
    // Names follow from others; inputs and reactions come with topics and entities of their own.
    expect(others).toEqual([
      'flow from',
      'window from',
      'late from',
      'late window',
      'state entity',
      'events entity',
      'presence of',
      'presence maxEntries',
      'entity on',
      'entity reactions',
    ])
    for (const row of others) expect(changeOf(...(row.split(' ') as ['flow', string])).effect).not.toBe('')
  })

  it('K-CHANGE-2 what the table does not explain keeps two contracts apart', () => {
    expect(relationOf({ ...base, hash: 'another' }, base)).toBe('apart')
  })

  it('B-CONTRACT-1 K-CHANGE-1 a refusal names what differs', () => {
    const { contract } = defineConfig({ topics: [source({ key: 'kind' }) as never] })
    expect(claimOf(contract).differencesFrom(JSON.stringify(base))).toEqual(['topic a.b changed (key)'])
    expect(claimOf(contract).relationTo(JSON.stringify(base))).toBe('apart')
  })

  it('K-CHANGE-1 docs/upgrading.md has every row of the table', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/upgrading.md'), 'utf8')
    for (const { of, what, isGrowth: grows, rollout } of CHANGES) {
      const field = grows ? `${what} (optional fields more)` : what
      expect(page).toContain(`| ${of} | \`${field}\` | ${rollout} |`)
    }
  })
})

describe('growth of a schema', () => {
  const of = (type: z.ZodType) => z.toJSONSchema(type, { io: 'input' })
  const nested = (inner: z.ZodType) => of(z.object({ id: z.string(), inner }))
  it.each([
    ['an optional field', of(schema), of(schema.extend({ w: z.string().optional() })), true],
    [
      'an optional field in between',
      of(schema),
      of(z.object({ id: z.string(), w: z.number().optional(), kind: z.string(), v: z.number() })),
      true,
    ],
    [
      'one inside',
      nested(z.object({ a: z.number() })),
      nested(z.object({ a: z.number(), b: z.number().optional() })),
      true,
    ],
    ['a strict object', of(z.strictObject(fields)), of(z.strictObject({ ...fields, w: z.number().optional() })), true],
    ['a required field', of(schema), of(schema.extend({ w: z.string() })), false],
    ['one field less', of(schema), of(z.object({ id: z.string() })), false],
    ['another type', of(schema), of(schema.extend({ v: z.string() })), false],
    ['a field that becomes optional', of(schema), of(schema.extend({ v: z.number().optional() })), false],
    ['another bound', of(schema), of(schema.extend({ v: z.number().max(3) })), false],
    [
      'an object of any fields',
      of(z.looseObject(fields)),
      of(z.looseObject({ ...fields, w: z.number().optional() })),
      false,
    ],
    ['the same', of(schema), of(schema), false],
    ['no object', of(z.string()), of(z.number()), false],
  ])('K-CHANGE-3 %s', (_, before, after, expected) => {
    expect(isGrowth(before, after)).toBe(expected)
  })
})
