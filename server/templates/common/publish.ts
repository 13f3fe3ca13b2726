import { createClient } from '@tidegate/client'
import type config from './tidegate.config.ts'

const SENSORS = ['attic', 'cellar', 'garage']
const INTERVAL_MS = 500

const client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })

/** Resolves once the readings are stored; until then they are sent again after every lost connection. */
async function publishReadings(): Promise<void> {
  const readings = SENSORS.map((sensorId) => ({ data: { sensorId, temperature: 18 + 8 * Math.random() } }))
  await client.publish('sensor.reading', readings)
}

setInterval(() => void publishReadings().catch((error: unknown) => console.error(error)), INTERVAL_MS)
console.log('publishing readings; Ctrl-C stops')
