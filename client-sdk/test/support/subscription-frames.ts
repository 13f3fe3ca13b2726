import type { BatchPart, DeliveredEvent } from '@tidegate/protocol'
import type { Peer } from './scripted-server.ts'

export const TOPIC = 'sensor.reading'
export const START = '0@e/0-0.999999'

export const event = (n: number, data: unknown = n): DeliveredEvent => ({
  at: `0@e/${n}-0.0`,
  id: `e${n}`,
  key: 'k',
  time: n,
  data,
})
export const part = (sub: number, ...numbers: number[]): BatchPart => ({
  sub,
  topic: TOPIC,
  lane: 'low',
  events: numbers.map((n) => event(n)),
})
export const vector = (at: string) => ({ [TOPIC]: { low: [at] } })

/** Answers the next subscribe. */
export async function grant(peer: Peer, at = START) {
  const asked = await peer.take('subscribe')
  peer.send({ type: 'subscribed', sub: asked.sub, positions: vector(at), recovered: true, onSlow: 'drop-oldest' })
  return asked
}
