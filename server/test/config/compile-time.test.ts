import { expect, test } from 'vitest'
import { checkTypes } from '../support/tsc.ts'

const TOPICS = 400

// On a busy machine both take longer: at the same time, as much. Noise only ever adds, so one run within the limit proves it.
test('K-TYPE-6 types - 400 topics add at most as much to tsc as it takes without any', {
  timeout: 120_000,
  retry: 2,
}, async () => {
  const sources = [0, TOPICS / 4].map((groups) => checkTypes({ 'config.ts': configSource(groups) }))
  const [none, many] = (await Promise.all(sources)) as [number, number]
  console.log(`tsc: no topics ${none} ms, ${TOPICS} topics ${many} ms of CPU, added ${many - none} ms`)
  expect(many - none).toBeLessThanOrEqual(none)
})

/** Groups of four topics - a source, a window, a flow and an alert - and a reader of the whole config's types. */
function configSource(groups: number): string {
  const names: string[] = []
  const lines = Array.from({ length: groups }, (_, i) => {
    names.push(`source${i}`, `window${i}`, `flow${i}`, `alert${i}`)
    return `
const source${i} = topic('shop.source_${i}', {
  schema: z.object({ id: z.string(), amount${i}: z.number(), note: z.string().optional(), tags: z.array(z.string()) }),
  key: 'id', priority: (d) => (d.amount${i} > 1000 ? 'high' : 'low'), retention: '24h',
})
const window${i} = source${i}.window('shop.window_${i}', {
  tumbling: '10s', aggregate: { sum: { sum: 'amount${i}' }, max: { max: 'amount${i}' }, count: 'count' },
})
const flow${i} = source${i}.map((d) => ({ ...d, twice: d.amount${i} * 2 })).filter((d) => d.twice > ${i})
  .to('shop.flow_${i}', { version: 1 })
const alert${i} = window${i}.filter((pane) => pane.value.sum > ${i}).to('shop.alert_${i}', { version: 1 })`
  })
  return `import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'
export { topic, z }
${lines.join('\n')}
export const config = defineConfig({ topics: [${names.join(', ')}] })
export type Topics = (typeof config)['~topics']
// @ts-expect-error the topic is not known
export type Unknown = Topics['shop.nope']
${groups > 0 ? `export const sum: number = null! as Topics['shop.alert_${groups - 1}']['data']['value']['sum']` : ''}
`
}
