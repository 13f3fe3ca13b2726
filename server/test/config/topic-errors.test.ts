import { expect, test } from 'vitest'
import { checkTypes } from '../support/tsc.ts'

const CONFIG = `
import { defineConfig, entity, topic } from 'tidegate'
import { z } from 'zod'
const reading = topic('sensor.reading', { schema: z.object({ sensorId: z.string(), celsius: z.number() }), key: 'sensorId' })
const perMinute = reading.window('sensor.1m', { tumbling: '1m', aggregate: { avg: { avg: 'celsius' }, n: 'count' } })
const visits = reading.window('sensor.visits', { session: { gap: '1m' }, aggregate: { top: { topK: 'sensorId', k: 3 } } })
const hot = perMinute.filter((pane) => pane.value.avg > 30).to('sensor.hot', { version: 1 })
const shop = entity('shop', {
  key: 'id',
  version: 1,
  state: { initial: {} },
  events: { opened: z.object({}) },
  evolve: { opened: () => ({}) },
  commands: { open: { input: z.object({}), decide: () => [] }, shut: { input: z.object({}), decide: () => [] } },
})
export default defineConfig({ topics: [reading, perMinute, visits, hot], entities: [shop] })
`

const USE = `
import { createClient, type Pane } from '@tidegate/client'
import { createSubscriber } from '@tidegate/client/subscribe'
import type config from './tidegate.config.ts'
const client = createClient<typeof config>({ url: 'http://x' })
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never
export const checks: readonly true[] = [true satisfies Equal<Average, number>, true satisfies Equal<Celsius, number>]
type Item<R> = R extends AsyncIterable<infer I> ? I : never
const panes = client.window('sensor.1m', { key: 'a', from: 1, to: 2, limit: 3 })
type Average = Item<typeof panes>['value']['avg']
const events = client.history('sensor.reading', { after: ['0@e/1-0.0'], limit: 3 })
type Celsius = Item<typeof events>['data']['celsius']
export const values: readonly string[] = await client.latest('sensor.visits').toArray().then(([pane]) => (pane?.value.top ?? []).map(({ value }) => value))
export const names: readonly ('sensor.reading' | 'sensor.1m' | 'sensor.visits' | 'sensor.hot' | 'sensor.1m.late' | 'sensor.visits.late')[] = (await client.topics()).map(({ name }) => name)
export const untyped: Pane[] = await createClient({ url: 'http://x' }).window('anything').toArray()
`

const MISTAKES = `
import { createClient } from '@tidegate/client'
import { createSubscriber } from '@tidegate/client/subscribe'
import type config from './tidegate.config.ts'
const client = createClient<typeof config>({ url: 'http://x' })
const subscriber = createSubscriber<typeof config>({ url: 'http://x' })
client.subscribe('sensor.redaing')
client.subscribe('sensor.redaing', () => {})
subscriber.subscribe('sensor.redaing', { from: 'latest' }, () => {})
client.publish('sensor.redaing', { data: { sensorId: 's', celsius: 1 } })
client.history('sensor.redaing')
client.window('sensor.redaing')
client.command('shop', '1', 'opne', {})
client.entity('shop', '1').command('opne', {})
`

// It compiles what an application does, on a busy machine.
test('C-TYPE-6 C-READ-6 reads - are typed by the config, and errors of a mistyped topic or command list the names that there are', {
  timeout: 120_000,
}, async () => {
  const refused = checkTypes({ 'tidegate.config.ts': CONFIG, 'use.ts': USE, 'mistakes.ts': MISTAKES })
  const output = await refused.then(
    () => '',
    (error: Error) => error.message,
  )
  const errors = output.split(/\n(?=\S)/).slice(1)
  expect(errors.filter((error) => !error.includes('mistakes.ts('))).toEqual([])
  const places = errors.map((error) => /\((\d+),/.exec(error)?.[1])
  expect(places).toEqual(['7', '8', '9', '10', '11', '12', '13', '14'])
  for (const error of errors) {
    expect(error).not.toMatch(/TopicsOf|Entry<|Omit</)
    expect(error.length).toBeLessThan(600)
  }
  for (const error of errors.slice(0, 5)) expect(error).toContain('"sensor.reading"')
  expect(errors[5]).toContain('"sensor.1m" | "sensor.visits"')
  for (const error of errors.slice(6)) expect(error).toContain('"open" | "shut"')
})
