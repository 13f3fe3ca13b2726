/** What names of requests begin with, and those of clients that would begin like one of the two. */
const REQUEST = 'http:'
const ESCAPED = 'ws:'

/** Under which name the producer of a WebSocket client is known in the logs: never that of a request. */
export function clientProducer(producer: string): string {
  return producer.startsWith(REQUEST) || producer.startsWith(ESCAPED) ? `${ESCAPED}${producer}` : producer
}

/** Under which name a request with an `Idempotency-Key` is known in the logs, by topic. */
export function requestProducer(key: string, topic: string): string {
  return `${REQUEST}${key}:${topic}`
}
