import { describe, expectTypeOf, test } from 'vitest'
import { WebSocket as NodeWebSocket } from 'ws'
import {
  createClient,
  type PublishReceipt,
  type SocketConstructor,
  type Subscription,
  type TidegateClient,
  type TopicEvent,
} from '../src/index.ts'

// Checked by `tsc`; nothing here opens a connection.

interface Reading {
  readonly sensorId: string
  readonly temperature: number
}
interface Pane {
  readonly value: { readonly avg: number }
}
interface Order {
  readonly orderId: string
}
interface Payment {
  readonly amount: number
}
interface Config {
  readonly '~topics': {
    readonly 'plant.hall.door': { readonly data: { readonly open: boolean }; readonly publishable: true }
    readonly 'sensor.reading': { readonly data: Reading; readonly publishable: true }
    readonly 'sensor.10s': { readonly data: Pane; readonly publishable: false }
    readonly 'sensor.10s.late': { readonly data: Reading; readonly publishable: false }
    readonly 'commerce.order_placed': { readonly data: Order; readonly publishable: true }
    readonly 'commerce.payment_received': { readonly data: Payment; readonly publishable: true }
    readonly heartbeat: { readonly data: { readonly n: number }; readonly publishable: true }
  }
}

interface WithEntities extends Config {
  readonly '~entities': {
    readonly user: {
      readonly view: { readonly email: string }
      readonly events:
        | { readonly type: 'registered'; readonly data: { readonly email: string } }
        | { readonly type: 'deleted'; readonly data: { readonly why: string } }
      readonly commands: {
        readonly register: { readonly email: string; readonly note?: string }
        readonly remove: { readonly why: string }
      }
      readonly rejections: 'user_already_exists'
      readonly indexes: 'email'
    }
  }
}

type Received<S> = S extends Subscription<infer Event> ? Event : never

describe('typed client', () => {
  test('C-TYPE-1 publish - takes publishable topics with their data', () => {
    const use = (client: TidegateClient<Config>) => {
      expectTypeOf(
        client.publish('commerce.order_placed', { data: { orderId: 'o' } }),
      ).resolves.toEqualTypeOf<PublishReceipt>()
      client.publish('sensor.reading', [{ id: 'r', time: 1, source: 's', data: { sensorId: 's', temperature: 1 } }])
      // @ts-expect-error a result
      client.publish('sensor.10s', { data: { value: { avg: 1 } } })
      // @ts-expect-error no such topic
      client.publish('sensor.nope', { data: {} })
      // @ts-expect-error a wildcard
      client.publish('sensor.*', { data: {} })
      // @ts-expect-error data of another topic
      client.publish('sensor.reading', { data: { orderId: 'o' } })
      // @ts-expect-error a field of the wrong type
      client.publish('sensor.reading', [{ data: { sensorId: 's', temperature: 'hot' } }])
      // @ts-expect-error no data
      client.publish('sensor.reading', { id: 'r' })
      // @ts-expect-error a time is ms
      client.publish('sensor.reading', { time: '2024', data: { sensorId: 's', temperature: 1 } })
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-TYPE-2 subscribe - an exact topic gives its data', () => {
    const use = (client: TidegateClient<Config>) => {
      const panes = client.subscribe('sensor.10s', { from: 'latest' }, ({ topic, data, lane, at }) => {
        expectTypeOf(topic).toEqualTypeOf<'sensor.10s'>()
        expectTypeOf(data).toEqualTypeOf<Pane>()
        expectTypeOf(lane).toEqualTypeOf<'high' | 'normal' | 'low'>()
        expectTypeOf(at).toEqualTypeOf<string>()
      })
      expectTypeOf<Received<typeof panes>>().toEqualTypeOf<TopicEvent<'sensor.10s', Pane>>()
      // @ts-expect-error no such field
      client.subscribe('sensor.10s', {}, ({ data }) => data.temperature)
      // @ts-expect-error no such option
      client.subscribe('sensor.10s', { who: 'x' })
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-TYPE-2 subscribe - a wildcard gives a union discriminated by topic', () => {
    const use = (client: TidegateClient<Config>) => {
      const commerce = client.subscribe('commerce.*', {}, (event) => {
        if (event.topic === 'commerce.payment_received') expectTypeOf(event.data).toEqualTypeOf<Payment>()
        else expectTypeOf(event.data).toEqualTypeOf<Order>()
        // @ts-expect-error not every topic has it
        event.data.amount
        // @ts-expect-error not covered
        event.topic === 'sensor.10s'
      })
      expectTypeOf<Received<typeof commerce>['topic']>().toEqualTypeOf<
        'commerce.order_placed' | 'commerce.payment_received'
      >()
      const oneWord = client.subscribe('sensor.*')
      expectTypeOf<Received<typeof oneWord>['topic']>().toEqualTypeOf<'sensor.reading' | 'sensor.10s'>()
      const deeper = client.subscribe('sensor.>')
      expectTypeOf<Received<typeof deeper>['topic']>().toEqualTypeOf<
        'sensor.reading' | 'sensor.10s' | 'sensor.10s.late'
      >()
      const late = client.subscribe('sensor.10s.*')
      expectTypeOf<Received<typeof late>['topic']>().toEqualTypeOf<'sensor.10s.late'>()
      const undotted = client.subscribe('*')
      expectTypeOf<Received<typeof undotted>['topic']>().toEqualTypeOf<'heartbeat'>()
      const all = client.subscribe('>')
      expectTypeOf<Received<typeof all>['topic']>().toEqualTypeOf<keyof Config['~topics']>()
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-TYPE-2 subscribe - what covers no topic does not compile', () => {
    const use = (client: TidegateClient<Config>) => {
      // @ts-expect-error no such topic
      client.subscribe('sensor.nope')
      // @ts-expect-error nothing under it
      client.subscribe('nope.*')
      // @ts-expect-error nothing below a leaf
      client.subscribe('sensor.reading.>')
      // @ts-expect-error not a selector
      client.subscribe('sensor.*.late')
      client.subscribe('plant.>')
      client.subscribe('plant.hall.*')
      // @ts-expect-error nothing exactly one word below
      client.subscribe('plant.*')
      // @ts-expect-error a prefix is no topic
      client.subscribe('sensor')
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-TYPE-2 iterate - events have the types of the callback', () => {
    const use = async (client: TidegateClient<Config>) => {
      for await (const event of client.subscribe('sensor.reading')) {
        expectTypeOf(event.data.temperature).toEqualTypeOf<number>()
      }
    }
    expectTypeOf(use).toBeFunction()
  })
})

describe('entities of a typed client', () => {
  test('C-TYPE-5 command - takes declared commands with their input, and answers with their events', () => {
    const use = async (client: TidegateClient<WithEntities>) => {
      const { events, at } = await client.command('user', '42', 'register', { email: 'a' }, { expectedVersion: 0 })
      expectTypeOf(at).toEqualTypeOf<string>()
      for (const event of events) {
        if (event.type === 'deleted') expectTypeOf(event.data).toEqualTypeOf<{ readonly why: string } | undefined>()
        // @ts-expect-error no such event
        event.type === 'renamed'
      }
      // @ts-expect-error no such entity
      client.command('order', '42', 'register', { email: 'a' })
      // @ts-expect-error no such command
      client.command('user', '42', 'rename', { email: 'a' })
      // @ts-expect-error input of another command
      client.command('user', '42', 'remove', { email: 'a' })
      // @ts-expect-error a key is text
      client.command('user', 42, 'remove', { why: 'a' })
      // @ts-expect-error input of another command
      client.entity('user', '42').command('register', { why: 'a' })
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-TYPE-5 handle and search - have the view and the events of the entity', () => {
    const use = async (client: TidegateClient<WithEntities>) => {
      const user = client.entity('user', '42')
      expectTypeOf(user.state?.view).toEqualTypeOf<{ readonly email: string } | undefined>()
      user.onChange(({ version, view }) => `${version.toFixed()} ${view.email}`)
      expectTypeOf((await user.get({ at: 1 })).view.email).toEqualTypeOf<string>()
      for await (const page of user.history()) {
        for (const event of page) {
          expectTypeOf(event.type).toEqualTypeOf<'registered' | 'deleted'>()
          if (event.type === 'registered') expectTypeOf(event.data?.email).toEqualTypeOf<string | undefined>()
        }
      }
      for await (const page of client.findEntities('user', 'email', 'a')) {
        expectTypeOf(page[0]!.view.email).toEqualTypeOf<string>()
      }
      // @ts-expect-error no such index
      client.findEntities('user', 'name', 'a')
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-TYPE-5 C-TYPE-3 a config without entities has none; a client without a config takes any', () => {
    interface Empty extends Config {
      // biome-ignore lint/complexity/noBannedTypes: what defineConfig says of no entities
      readonly '~entities': {}
    }
    const use = async (empty: TidegateClient<Empty>, any: TidegateClient) => {
      // @ts-expect-error no such entity
      empty.command('user', '42', 'register', {})
      const { reply } = await any.command('user', '42', 'register', { email: 'a' })
      expectTypeOf(reply).toEqualTypeOf<unknown>()
      expectTypeOf((await any.entity('user', '42').get()).view).toEqualTypeOf<unknown>()
      // @ts-expect-error an input is an object
      any.command('user', '42', 'register', 7)
    }
    expectTypeOf(use).toBeFunction()
  })
})

describe('untyped client', () => {
  test('C-TYPE-3 any topic - data is unknown to read and free to write', () => {
    const use = (client: TidegateClient) => {
      client.publish('any.thing', { data: { x: 1 } })
      client.publish('any.thing' as string, [{ data: 1 }])
      client.subscribe('any.*', {}, ({ topic, data }) => {
        expectTypeOf(topic).toEqualTypeOf<string>()
        expectTypeOf(data).toEqualTypeOf<unknown>()
      })
      // @ts-expect-error no data
      client.publish('any.thing', { id: 'x' })
    }
    expectTypeOf(use).toBeFunction()
  })
})

describe('options', () => {
  test('C-TYPE-4 WebSocket - takes the class of browsers and that of ws', () => {
    expectTypeOf<typeof globalThis.WebSocket>().toExtend<SocketConstructor>()
    expectTypeOf<typeof NodeWebSocket>().toExtend<SocketConstructor>()
    const use = (url: string) => {
      createClient({ url, WebSocket: globalThis.WebSocket })
      createClient<Config>({ url, WebSocket: NodeWebSocket, outbox: { maxFrames: 10 } })
      // @ts-expect-error not a class
      createClient({ url, WebSocket: () => {} })
      // @ts-expect-error cannot send
      createClient({ url, WebSocket: Map })
      // @ts-expect-error no address
      createClient({})
    }
    expectTypeOf(use).toBeFunction()
  })
})
