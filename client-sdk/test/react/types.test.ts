import { describe, expectTypeOf, test } from 'vitest'
import type demo from '../../../examples/tidegate.config.ts'
import type { TidegateClient } from '../../src/index.ts'
import { createHooks, useLatest, useWindow } from '../../src/react.ts'

// Checked by `tsc`; no hook runs here.

describe('types of hooks', () => {
  test('C-REACT-11 createHooks - gives topics, data, results and entities the types of the config', () => {
    const hooks = createHooks<typeof demo>()
    const use = () => {
      expectTypeOf(hooks.useClient()).toEqualTypeOf<TidegateClient<typeof demo>>()
      const one = hooks.useLatest('sensor.10s', { key: 'attic' }).data
      expectTypeOf(one!.data.value.avg).toEqualTypeOf<number>()
      const all = hooks.useLatest('sensor.reading', { where: 'data.humidity > 50' }).data
      expectTypeOf(all.get('attic')!.data.temperature).toEqualTypeOf<number>()
      const events = hooks.useSubscription('commerce.*', { limit: 5 }).data
      for (const event of events) {
        if (event.topic === 'commerce.order_placed') expectTypeOf(event.data.orderId).toEqualTypeOf<string>()
      }
      hooks.useSubscription('sensor.reading', ({ data }) => expectTypeOf(data.sensorId).toEqualTypeOf<string>())
      hooks.useSubscription('sensor.reading', { keys: ['attic'] }, async ({ key }) => key)
      expectTypeOf(hooks.useWindow('commerce.revenue_1m').data[0]!.value.revenue).toEqualTypeOf<number>()
      const { data, version, command } = hooks.useEntity('order', 'o-1')
      expectTypeOf(data?.payments.length).toEqualTypeOf<number | undefined>()
      expectTypeOf(version).toEqualTypeOf<number | undefined>()
      command('pay', { paymentId: 'p', amount: 1 })
      // @ts-expect-error no such topic
      hooks.useLatest('sensor.nope')
      // @ts-expect-error a wildcard has no newest event of a key
      hooks.useLatest('sensor.*')
      // @ts-expect-error no window
      hooks.useWindow('sensor.reading')
      // @ts-expect-error no such command
      command('fly', {})
      // @ts-expect-error no such entity
      hooks.useEntity('ghost', 'k')
      // @ts-expect-error it begins where it has to
      hooks.useLatest('sensor.10s', { from: 'earliest' })
    }
    expectTypeOf(use).toBeFunction()
  })

  test('C-REACT-11 without a contract - any topic, of which the data is unknown', () => {
    const use = () => {
      expectTypeOf(useLatest('any.topic', { key: 'k' }).data?.data).toEqualTypeOf<unknown>()
      expectTypeOf(useWindow('any.topic').data[0]!.start).toEqualTypeOf<number>()
    }
    expectTypeOf(use).toBeFunction()
  })
})
