/** Prefixes of request names, and the escape for client names that would begin with one of them. */
const REQUEST = 'http:'
const ESCAPED = 'ws:'

/**
 * The name of a WebSocket client's producer in the logs: never that of a request, nor of another caller.
 *
 * @param namespace of the caller
 */
export function clientProducer(namespace: string, producer: string): string {
  const name = `${namespace}${producer}`
  return name.startsWith(REQUEST) || name.startsWith(ESCAPED) ? `${ESCAPED}${name}` : name
}

/** The name of a request with an `Idempotency-Key` in the logs, by caller and topic. */
export function requestProducer(namespace: string, key: string, topic: string): string {
  return `${REQUEST}${namespace}${key}:${topic}`
}
