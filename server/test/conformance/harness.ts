import { FrameClient } from './frame-client.ts'
import type { Subject } from './subject.ts'

export const READING = 'sensor.reading'
let keysSoFar = 0
/** Tests share a server: each has keys of its own. */
export const newKey = () => `k-${++keysSoFar}`
export const reading = (sensorId: string, value = 1, id?: string) => ({ ...(id && { id }), data: { sensorId, value } })
export const payment = (orderId: string, amount: number) => ({ data: { orderId, amount } })

/** Clients of a server under test. */
export class Harness {
  readonly subject: Subject

  constructor(subject: Subject) {
    this.subject = subject
  }

  /** Not greeted yet. */
  open(): FrameClient {
    return new FrameClient(this.subject)
  }

  /** Greeted. */
  async connect(hello: Parameters<FrameClient['hello']>[0] = {}): Promise<FrameClient> {
    const client = this.open()
    await client.hello(hello)
    return client
  }

  /** Greeted, with a producer of its own. */
  ofProducer(): Promise<FrameClient> {
    return this.connect({ producer: newKey(), session: 1, sequence: 'new' })
  }
}
