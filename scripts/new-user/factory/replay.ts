import { readFileSync } from 'node:fs'
import { createClient } from '@tidegate/client'
import type config from './tidegate.config.ts'

const EVENTS_PER_CALL = 1_000

await using client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })

const [, ...lines] = readFileSync('machines.csv', 'utf8').trim().split('\n')
const events = lines.map((line) => {
  const [timestamp, machineId, value] = line.split(',')
  return { time: Date.parse(`${timestamp}Z`), data: { machineId: machineId!, celsius: Number(value) } }
})
for (let start = 0; start < events.length; start += EVENTS_PER_CALL) {
  const last = start + EVENTS_PER_CALL >= events.length
  await client.publish('machine.reading', events.slice(start, start + EVENTS_PER_CALL), { last })
}
console.log(`replayed ${events.length} events`)
