/** A request that is sent again and again. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** JSON, for those that send something. */
  readonly body?: string
  readonly eventsPerRequest?: number
}

export const TOPIC = 'sensor.reading'
export const WINDOW = 'sensor.10s'
export const KEY = 'load-1'

const reading = (n: number) => ({
  topic: TOPIC,
  data: { sensorId: `load-${n}`, temperature: 20 + (n % 64) / 64, humidity: 40 },
})

/** Routes of every deployment with the topics of the demo. */
export const TOPIC_ROUTES = {
  publish1: { method: 'POST', path: '/v1/events', body: JSON.stringify(reading(1)), eventsPerRequest: 1 },
  publish100: {
    method: 'POST',
    path: '/v1/events',
    body: JSON.stringify(Array.from({ length: 100 }, (_, n) => reading(n))),
    eventsPerRequest: 100,
  },
  topics: { method: 'GET', path: '/v1/topics' },
  windowOfOneKey: { method: 'GET', path: `/v1/windows/${WINDOW}?key=${KEY}` },
  historyOf100: { method: 'GET', path: `/v1/history?topic=${TOPIC}&limit=100` },
  livez: { method: 'GET', path: '/livez' },
  readyz: { method: 'GET', path: '/readyz' },
} as const satisfies Readonly<Record<string, Route>>

const COMMAND: Route = {
  method: 'POST',
  path: '/v1/entities/order/o-1/place',
  body: JSON.stringify({ customer: 'c-1', prices: [1] }),
}

/** The others, in a deployment of `http.config.ts`. */
export const OTHER_ROUTES = {
  endOfInput: { method: 'POST', path: '/v1/topics/http.ended/end', body: JSON.stringify({ source: 'one' }) },
  ticket: { method: 'POST', path: '/v1/tickets' },
  command: COMMAND,
  entities: { method: 'GET', path: '/v1/entities' },
  entity: { method: 'GET', path: '/v1/entities/order/o-1' },
  entityHistory: { method: 'GET', path: '/v1/entities/order/o-1/history?limit=10' },
  entityIndex: { method: 'GET', path: '/v1/entities/order?customer=c-1' },
  slow: { method: 'GET', path: '/v1/slow' },
  metrics: { method: 'GET', path: '/metrics' },
  page: { method: 'GET', path: '/' },
} as const satisfies Readonly<Record<string, Route>>
