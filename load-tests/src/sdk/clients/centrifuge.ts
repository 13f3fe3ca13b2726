import { Centrifuge } from 'centrifuge'
import { WebSocket } from 'ws'
import type { MeasuredClient } from '../measured-client.ts'
import type { Reading } from '../reading.ts'

const CHANNEL = 'bench'

export async function connectCentrifuge(port: number): Promise<MeasuredClient> {
  const centrifuge = new Centrifuge(`ws://127.0.0.1:${port}/v1/ws`, { websocket: WebSocket })
  centrifuge.connect()
  await centrifuge.ready()
  return {
    publish: (readings) => centrifuge.publish(CHANNEL, readings),
    subscribe(receive) {
      const subscription = centrifuge.newSubscription(CHANNEL)
      subscription.on('publication', ({ data }: { data: Reading }) => receive(data))
      subscription.subscribe()
      return subscription.ready()
    },
    close: () => centrifuge.disconnect(),
  }
}
