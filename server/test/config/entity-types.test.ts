import type { TidegateClient } from '@tidegate/client'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { command, entity, reject, reply } from '../../src/config/declarations/entity.ts'
import { topic } from '../../src/config/declarations/topic.ts'
import { defineConfig } from '../../src/config/define-config.ts'

interface User {
  readonly status: 'none' | 'active'
  readonly email: string
  readonly passwordHash: string
}
const initial: User = { status: 'none', email: '', passwordHash: '' }
const events = {
  registered: z.object({ email: z.string(), hash: z.string() }),
  emailChanged: z.object({ email: z.string() }),
}
const evolve = {
  registered: (_state: User, { email, hash }: { email: string; hash: string }): User => ({
    status: 'active',
    email,
    passwordHash: hash,
  }),
  emailChanged: (state: User, { email }: { email: string }): User => ({ ...state, email }),
}
const base = { key: 'userId', version: 1, state: { initial }, events } as const

describe('entity types', () => {
  test('K-ENTITY-1 everything is inferred', () => {
    const user = entity('user', {
      ...base,
      rejections: ['user_already_exists'],
      evolve: {
        registered: (state, data, ctx) => {
          expectTypeOf(state).toEqualTypeOf<User>()
          expectTypeOf(data).toEqualTypeOf<{ email: string; hash: string }>()
          expectTypeOf(ctx.version).toEqualTypeOf<number>()
          return { ...state, status: 'active', email: data.email, passwordHash: data.hash }
        },
        emailChanged: (state, { email }) => ({ ...state, email }),
      },
      commands: {
        register: {
          input: z.object({ email: z.string(), hash: z.string().default('x') }),
          decide(state, input, ctx) {
            expectTypeOf(state).toEqualTypeOf<User>()
            expectTypeOf(input).toEqualTypeOf<{ email: string; hash: string }>()
            expectTypeOf(ctx.now).toEqualTypeOf<number>()
            if (state.status === 'active') return reject('user_already_exists', 'taken')
            return [{ type: 'registered', data: { email: input.email, hash: input.hash } }]
          },
        },
        status: { input: z.object({}), decide: (state) => reply({ status: state.status }) },
      },
      view: ({ status, email }) => ({ status, email }),
      indexes: { email: (state) => state.email },
    })
    type Entry = (typeof user)['~entry']
    expectTypeOf<Entry['name']>().toEqualTypeOf<'user'>()
    expectTypeOf<Entry['view']>().toEqualTypeOf<{ status: 'none' | 'active'; email: string }>()
    expectTypeOf<Entry['rejections']>().toEqualTypeOf<'user_already_exists'>()
    expectTypeOf<Entry['indexes']>().toEqualTypeOf<'email'>()
    expectTypeOf<Entry['commands']['register']>().toEqualTypeOf<{ email: string; hash?: string | undefined }>()
    expectTypeOf<Entry['events']['type']>().toEqualTypeOf<'registered' | 'emailChanged'>()
  })

  test('K-ENTITY-1 clients see the data of events as public returns them', () => {
    const user = entity('user', {
      ...base,
      evolve,
      commands: {},
      view: ({ email }) => ({ email }),
      public: (event) => {
        expectTypeOf(event.type).toEqualTypeOf<'registered' | 'emailChanged'>()
        return event.type === 'registered' ? { to: event.data.email } : undefined
      },
      publish: ['events'],
    })
    type Entry = (typeof user)['~entry']
    type Shown = { to: string }
    expectTypeOf<Entry['events']['data']>().toEqualTypeOf<Shown>()
    expectTypeOf<Entry['events']['type']>().toEqualTypeOf<'registered' | 'emailChanged'>()
    expectTypeOf<Entry['topics']['data']['data']>().toEqualTypeOf<Shown | undefined>()
    // @ts-expect-error no such field of any event
    entity('a', { ...base, evolve, commands: {}, public: ({ data }) => data.phone })
  })

  test('K-ENTITY-1 what does not fit is refused', () => {
    // @ts-expect-error an event without evolve
    entity('a', { ...base, evolve: { registered: evolve.registered }, commands: {} })
    // @ts-expect-error evolve returns another state
    entity('a', { ...base, evolve: { ...evolve, emailChanged: () => ({ nothing: 1 }) }, commands: {} })
    entity('a', {
      ...base,
      evolve,
      rejections: ['known'],
      commands: {
        // @ts-expect-error a code that is not declared
        a: { input: z.object({}), decide: () => reject('unknown', 'text') },
        // @ts-expect-error an event that is not declared
        b: { input: z.object({}), decide: () => [{ type: 'deleted' as const, data: {} }] },
        // @ts-expect-error data of another event
        c: { input: z.object({}), decide: () => [{ type: 'registered' as const, data: { email: 'a' } }] },
        e: {
          input: z.object({ n: z.number() }),
          // @ts-expect-error the input has no such field
          decide: (_state, input) => (input.m > 1 ? [] : []),
        },
        f: { input: z.object({}), decide: () => reply(1, [{ type: 'emailChanged', data: { email: 'b' } }]) },
        // @ts-expect-error asynchronous
        g: { input: z.object({}), decide: async () => [] },
      },
    })
    entity('a', {
      ...base,
      evolve,
      // @ts-expect-error input that is no schema
      commands: { d: { input: {}, decide: () => [] } },
    })
  })

  const reading = topic('sensor.reading', {
    schema: z.object({ userId: z.string(), celsius: z.number() }),
    key: 'userId',
  })
  const hot = reading.map(({ userId, celsius }) => ({ userId, isHot: celsius > 90 })).to('sensor.hot', { version: 1 })
  const folding = { ...base, evolve, commands: {}, history: '7d' } as const

  test('K-ENTITY-4 handlers of topics are inferred', () => {
    entity('twin', {
      ...folding,
      from: [reading, hot],
      on: {
        'sensor.reading': (state, event, ctx) => {
          expectTypeOf(state).toEqualTypeOf<User>()
          expectTypeOf(event.data).toEqualTypeOf<{ userId: string; celsius: number }>()
          expectTypeOf(event.topic).toEqualTypeOf<'sensor.reading'>()
          expectTypeOf(ctx.now).toEqualTypeOf<number>()
          return event.data.celsius > 90 ? [{ type: 'emailChanged', data: { email: ctx.id() } }] : []
        },
        'sensor.hot': (_state, { data }) => {
          expectTypeOf(data).toEqualTypeOf<{ userId: string; isHot: boolean }>()
          return []
        },
      },
    })
    entity('kept', { ...base, evolve, commands: {}, history: '30d' })
    entity('counted', { ...folding, history: 100, from: [reading], on: { 'sensor.reading': () => [] } })
  })

  test('K-ENTITY-4 handlers of topics that do not fit are refused', () => {
    // @ts-expect-error a topic without a handler
    entity('a', { ...folding, from: [reading, hot], on: { 'sensor.reading': () => [] } })
    // @ts-expect-error topics without handlers
    entity('a', { ...folding, from: [reading] })
    // @ts-expect-error a handler of a topic that is not folded
    entity('a', { ...folding, from: [reading], on: { 'sensor.reading': () => [], 'sensor.cold': () => [] } })
    // @ts-expect-error a handler without topics
    entity('a', { ...base, evolve, commands: {}, on: { 'sensor.reading': () => [] } })
    // @ts-expect-error no history
    entity('a', { ...base, evolve, commands: {}, from: [reading], on: { 'sensor.reading': () => [] } })
    // @ts-expect-error a history that is no duration
    entity('a', { ...folding, history: 'long', from: [reading], on: { 'sensor.reading': () => [] } })
    entity('a', {
      ...folding,
      from: [reading],
      // @ts-expect-error an event that is not declared
      on: { 'sensor.reading': () => [{ type: 'deleted' as const, data: {} }] },
    })
    entity('a', {
      ...folding,
      from: [reading],
      // @ts-expect-error data of another event
      on: { 'sensor.reading': () => [{ type: 'registered' as const, data: { email: 'a' } }] },
    })
    entity('a', {
      ...folding,
      from: [reading],
      // @ts-expect-error the data have no such field
      on: { 'sensor.reading': (_state, { data }) => (data.humidity > 1 ? [] : []) },
    })
    // @ts-expect-error asynchronous
    entity('a', { ...folding, from: [reading], on: { 'sensor.reading': async () => [] } })
    // @ts-expect-error migrate returns another state
    entity('a', { ...folding, from: [reading], on: { 'sensor.reading': () => [] }, migrate: () => ({ nothing: 1 }) })
  })

  const stock = entity('stock', {
    key: 'sku',
    version: 1,
    state: { initial: { left: 0 as number } },
    events: { reserved: z.object({ n: z.number() }) },
    evolve: { reserved: ({ left }, { n }) => ({ left: left - n }) },
    commands: {
      reserve: {
        by: 'reaction',
        input: z.object({ n: z.number() }),
        decide: (_state, data) => [{ type: 'reserved', data }],
      },
    },
  })
  const reacting = { ...base, evolve, commands: {} } as const
  const outcome = () => [{ type: 'emailChanged', data: { email: '' } }] as const

  test('K-ENTITY-5 reactions are inferred', () => {
    const user = entity('user', {
      ...reacting,
      // biome-ignore lint/suspicious/noThenProperty: an option, and no function
      then: {
        'user.registered': (event, { key }) => {
          expectTypeOf(event.type).toEqualTypeOf<'registered'>()
          expectTypeOf(event.data).toEqualTypeOf<{ email: string; hash: string }>()
          return [command('stock', key, 'reserve', { n: 1 })]
        },
        'user.emailChanged': ({ version }) => (version > 1 ? [command('stock', 'a', 'reserve', { n: 2 })] : []),
      },
      outcome: (state, { result }, ctx) => {
        expectTypeOf(state).toEqualTypeOf<User>()
        expectTypeOf(ctx.now).toEqualTypeOf<number>()
        return [{ type: 'emailChanged', data: { email: result.status === 'rejected' ? result.code : '' } }]
      },
    })
    const config = defineConfig({ topics: [], entities: [user, stock] })
    expectTypeOf<keyof (typeof config)['~entities']>().toEqualTypeOf<'user' | 'stock'>()
  })

  test('K-ENTITY-5 reactions that do not fit are refused', () => {
    // biome-ignore-start lint/suspicious/noThenProperty: an option, and no function
    // @ts-expect-error an event of another entity
    entity('user', { ...reacting, outcome, then: { 'stock.reserved': () => [] } })
    // @ts-expect-error an event that is not declared
    entity('user', { ...reacting, outcome, then: { 'user.registered': () => [], 'user.gone': () => [] } })
    // @ts-expect-error no commands
    entity('user', { ...reacting, outcome, then: { 'user.registered': () => [{ type: 'registered' }] } })
    // @ts-expect-error no outcome
    entity('user', { ...reacting, then: { 'user.registered': () => [command('stock', 'a', 'reserve', { n: 1 })] } })
    entity('user', {
      ...reacting,
      then: { 'user.registered': () => [command('stock', 'a', 'reserve', { n: 1 })] },
      // @ts-expect-error no event
      outcome: () => [],
    })
    const elsewhere = entity('user', {
      ...reacting,
      outcome,
      then: { 'user.registered': () => [command('shelf', 'a', 'reserve', { n: 1 })] },
    })
    // @ts-expect-error an entity that is not listed
    expect(() => defineConfig({ topics: [], entities: [elsewhere, stock] })).not.toThrow()
    const misspelt = entity('user', {
      ...reacting,
      outcome,
      then: { 'user.registered': () => [command('stock', 'a', 'reserv', { n: 1 })] },
    })
    // @ts-expect-error a command that the entity has not
    expect(() => defineConfig({ topics: [], entities: [misspelt, stock] })).not.toThrow()
    const wrong = entity('user', {
      ...reacting,
      outcome,
      then: { 'user.registered': () => [command('stock', 'a', 'reserve', { n: 'one' })] },
    })
    // @ts-expect-error an input that does not fit
    expect(() => defineConfig({ topics: [], entities: [wrong, stock] })).not.toThrow()
    // biome-ignore-end lint/suspicious/noThenProperty: an option, and no function
  })

  const counter = entity('counter', {
    key: 'counterId',
    version: 1,
    state: { initial: { n: 0 as number } },
    events: { added: z.object({ n: z.number() }) },
    evolve: { added: ({ n }, data) => ({ n: n + data.n }) },
    rejections: ['full'],
    commands: {
      byAnybody: { input: z.object({ n: z.number() }), decide: (_state, data) => [{ type: 'added', data }] },
      byBoth: { by: 'both', input: z.object({}), decide: ({ n }) => (n > 9 ? reject('full', 'It is full.') : []) },
      byClients: {
        by: 'client',
        input: z.object({ text: z.string() }),
        decide(state, { text }, { key }) {
          expectTypeOf(state).toEqualTypeOf<{ readonly n: number }>()
          expectTypeOf(text).toEqualTypeOf<string>()
          return reply({ key })
        },
      },
      byReactions: {
        by: 'reaction',
        input: z.object({ n: z.number() }),
        decide: (_state, { n }) => [{ type: 'added', data: { n } }],
      },
    },
  })

  test('K-ENTITY-6 clients see the commands that they may send', () => {
    type Entry = (typeof counter)['~entry']
    expectTypeOf<keyof Entry['commands']>().toEqualTypeOf<'byAnybody' | 'byBoth' | 'byClients'>()
    expectTypeOf<Entry['commands']['byClients']>().toEqualTypeOf<{ text: string }>()
    const config = defineConfig({ topics: [], entities: [counter] })
    const use = (client: TidegateClient<typeof config>) => {
      void client.command('counter', 'a', 'byClients', { text: '' })
      void client.entity('counter', 'a').command('byBoth', {})
      // @ts-expect-error a command of reactions alone
      void client.command('counter', 'a', 'byReactions', { n: 1 })
      // @ts-expect-error a command of reactions alone
      void client.entity('counter', 'a').command('byReactions', { n: 1 })
    }
    expectTypeOf(use).toBeFunction()
    const other = { ...base, evolve, commands: { a: { by: 'nobody', input: z.object({}), decide: () => [] } } } as const
    // @ts-expect-error nobody else is there
    entity('other', other)
  })

  test('K-ENTITY-6 reactions are such commands as they may send', () => {
    const reactingTo = <const Made extends ReturnType<typeof command>>(made: Made) =>
      entity('user', {
        ...reacting,
        outcome,
        // biome-ignore lint/suspicious/noThenProperty: an option, and no function
        then: { 'user.registered': () => [made] },
      })
    defineConfig({ topics: [], entities: [counter, reactingTo(command('counter', 'a', 'byReactions', { n: 1 }))] })
    defineConfig({ topics: [], entities: [counter, reactingTo(command('counter', 'a', 'byAnybody', { n: 1 }))] })
    const byClients = reactingTo(command('counter', 'a', 'byClients', { text: '' }))
    // @ts-expect-error a command of clients alone
    defineConfig({ topics: [], entities: [counter, byClients] })
  })
})
