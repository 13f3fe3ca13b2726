import { createClient } from '@tidegate/client'
import type config from './tidegate.config.ts'

const client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })

// The latest result of every sensor, then every new one.
const results = client.subscribe('sensor.10s', { snapshot: true }, ({ key, data }) => {
  console.log(key, data.value)
})
results.onGap(({ count, reason }) => console.log(`${count} withheld: ${reason}`))
results.ready.then(
  () => console.log('listening; Ctrl-C stops'),
  (error: unknown) => console.error(error),
)
