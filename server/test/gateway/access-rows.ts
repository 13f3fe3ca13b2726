import type { ClientFrame } from '@tidegate/protocol'
import { ROUTES as SERVED } from '../../src/gateway/http/route-table.ts'
import type { QUERY_NAMES } from '../../src/queries/index.ts'

/** Every route, by the text that its source knows it by, with a request that the right caller may send. */
export const ROUTES: Record<
  string,
  { method?: string; path?: string; body?: unknown; ok?: number; isOpen?: true; isAdmin?: true; isOfAllKeys?: true }
> = {
  '/v1/events': { method: 'POST', body: [{ topic: 'sensor.reading', data: { id: 'dev-1', n: 1 } }] },
  '/v1/tickets': { method: 'POST', ok: 201 },
  '/v1/stream': { path: '/v1/stream?topic=sensor.reading' },
  '/v1/topics': {},
  '/v1/rates': {},
  '/v1/entities': {},
  '/v1/history': { path: '/v1/history?topic=sensor.reading' },
  '/v1/ws': { ok: 400 },
  '/v1/slow': { isAdmin: true },
  '/v1/status': { isAdmin: true },
  '/v1/dead-letters': { isAdmin: true },
  '/v1/dead-letters/redrive': { method: 'POST', path: '/v1/dead-letters/redrive?topic=sensor.reading', isAdmin: true },
  '/metrics': { isAdmin: true },
  '/livez': { isOpen: true },
  '/readyz': { isOpen: true },
  END_PATH: { method: 'POST', path: '/v1/topics/sensor.reading/end', body: { source: 'nobody' }, isOfAllKeys: true },
  WINDOW_PATH: { path: '/v1/windows/sensor.sum?key=dev-1' },
  COMMAND_PATH: { method: 'POST', path: '/v1/entities/counter/dev-1/add', body: { n: 0 } },
  OUTCOME_PATH: { path: '/v1/commands/counter/dev-1/c-none', ok: 404 },
  FOUND_PATH: { path: '/v1/entities/counter?n=7' },
  ENTITY_PATH: { path: '/v1/entities/counter/dev-1' },
  HISTORY_PATH: { path: '/v1/entities/counter/dev-1/history' },
}

/** Paths that tell operators about other callers. */
export const OPERATOR_PATHS = SERVED.flatMap(({ path, audience }) => (audience === 'operators' ? [`${path}`] : []))

/** Every frame type: sent by the right caller, what answers it. */
export const FRAMES: Record<ClientFrame['type'], { readonly frame: object; readonly answer: object }> = {
  hello: { frame: { type: 'hello', protocol: 1, client: 'x' }, answer: { type: 'error', code: 'protocol_error' } },
  publish: {
    frame: { type: 'publish', seq: 1, topic: 'sensor.reading', events: [{ data: { id: 'dev-1', n: 0 } }] },
    answer: { type: 'ack', seq: 1 },
  },
  subscribe: { frame: { type: 'subscribe', sub: 1, topic: 'sensor.reading' }, answer: { type: 'subscribed', sub: 1 } },
  unsubscribe: { frame: { type: 'unsubscribe', sub: 9 }, answer: { type: 'error', code: 'unknown_subscription' } },
  credit: { frame: { type: 'credit', bytes: 0 }, answer: {} },
  pong: { frame: { type: 'pong', time: 0 }, answer: {} },
  token: { frame: { type: 'token', token: '' }, answer: { type: 'error', code: 'invalid_frame' } },
  query: { frame: { type: 'query', id: 1, name: 'topics' }, answer: { type: 'result', id: 1 } },
  command: {
    frame: { type: 'command', id: 'c-1', entity: 'counter', key: 'dev-1', command: 'add', input: { n: 0 } },
    answer: { type: 'answer', status: 'done' },
  },
}

/** Publishes an event of a key, and makes the end of a gap of it. */
type UpTo = (topic: string, key: string) => Promise<object>

/** Every query: of one's own, of another key, of what is not there for the caller. */
export const QUERIES: Record<
  (typeof QUERY_NAMES)[number] | 'ledger',
  readonly { readonly params: (upTo: UpTo) => object | Promise<object>; readonly answer: object }[]
> = {
  topics: [
    {
      params: () => ({}),
      answer: {
        data: {
          topics: [
            { name: 'sensor.reading' },
            { name: 'sensor.sum' },
            { name: 'sensor.sum.late' },
            { name: 'counter.state' },
          ],
        },
      },
    },
  ],
  window: [
    { params: () => ({ name: 'sensor.sum', key: 'dev-1' }), answer: { data: [{ key: 'dev-1' }] } },
    { params: () => ({ name: 'sensor.sum', key: 'dev-2' }), answer: { data: [] } },
    { params: () => ({ name: 'sensor.sum' }), answer: { data: [{ key: 'dev-1' }] } },
  ],
  history: [
    {
      params: () => ({ topic: 'secret.reading' }),
      answer: { code: 'unknown_topic', message: 'No topic secret.reading.' },
    },
  ],
  gap: [
    { params: (upTo) => upTo('secret.reading', 'dev-1'), answer: { code: 'unknown_topic' } },
    { params: (upTo) => upTo('sensor.reading', 'dev-2'), answer: { data: { events: [] } } },
  ],
  entity: [
    { params: () => ({ name: 'counter', key: 'dev-1' }), answer: { data: { view: { n: 7 } } } },
    {
      params: () => ({ name: 'counter', key: 'dev-2' }),
      answer: { code: 'not_found', message: 'No counter has this key.' },
    },
    {
      params: () => ({ name: 'counter', key: 'nobody' }),
      answer: { code: 'not_found', message: 'No counter has this key.' },
    },
  ],
  entityHistory: [
    {
      params: () => ({ name: 'counter', key: 'dev-2' }),
      answer: { code: 'not_found', message: 'No counter has this key.' },
    },
  ],
  ledger: [{ params: () => ({ sub: 9 }), answer: { code: 'unknown_subscription' } }],
  findEntities: [{ params: () => ({ name: 'counter', index: 'n', value: '7' }), answer: { data: [{ key: 'dev-1' }] } }],
}
