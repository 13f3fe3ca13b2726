import { createClient } from '@tidegate/client'
import type config from './tidegate.config.ts'

await using client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })
for await (const { key, start, value } of client.window('machine.1h')) {
  console.log(JSON.stringify({ key, start, ...value }))
}
