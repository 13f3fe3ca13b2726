/** Prefixes of request names, and the escape for client names that would begin with one of them. */
const REQUEST = 'http:'
const ESCAPED = 'ws:'

/** The name of a WebSocket client's producer in the logs: never that of a request. */
export function clientProducer(producer: string): string {
  return producer.startsWith(REQUEST) || producer.startsWith(ESCAPED) ? `${ESCAPED}${producer}` : producer
}

/** The name of a request with an `Idempotency-Key` in the logs, by topic. */
export function requestProducer(key: string, topic: string): string {
  return `${REQUEST}${key}:${topic}`
}
