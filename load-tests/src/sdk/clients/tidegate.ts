import { createClient } from '@tidegate/client'
import { WebSocket } from 'ws'
import type { MeasuredClient } from '../measured-client.ts'
import type { Reading } from '../reading.ts'

const TOPIC = 'bench.event'

export async function connectTidegate(port: number): Promise<MeasuredClient> {
  const client = createClient({ url: `http://127.0.0.1:${port}`, WebSocket })
  return {
    publish: (readings) =>
      client.publish(
        TOPIC,
        readings.map((data) => ({ data })),
      ),
    subscribe: (receive) => client.subscribe(TOPIC, ({ data }) => receive(data as Reading)).ready,
    close: () => void client.close({ deadlineMs: 0 }),
  }
}
