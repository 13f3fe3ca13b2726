import type { ClientFrame } from '@tidegate/protocol'
import { ROUTES as SERVED } from '../../src/gateway/http/route-table.ts'
import type { QUERY_NAMES } from '../../src/queries/index.ts'

/** A request that the right caller may not send, or that shows it nothing. */
interface Elsewhere {
  readonly path?: string
  readonly body?: unknown
  readonly status: number
  /** Of its answer, which a stream has none of. */
  readonly answer?: object
}

interface Row {
  readonly method?: string
  readonly path?: string
  readonly body?: unknown
  readonly ok?: number
  readonly isOpen?: true
  readonly isAdmin?: true
  readonly isOfAllKeys?: true
  /** The same of a topic, entity or command that is not there for the caller; `names nothing`: it asks for none. */
  readonly otherName: Elsewhere | 'names nothing'
  /** The same of the key of another. */
  readonly otherKey: Elsewhere | 'names nothing'
}

const NAMES_NOTHING = { otherName: 'names nothing', otherKey: 'names nothing' } as const
const refused = (status: number, code: string) => ({ status, answer: { error: { code } } })

/** Every route, by the text that its source knows it by, with a request that the right caller may send. */
export const ROUTES: Record<string, Row> = {
  '/v1/events': {
    method: 'POST',
    body: [{ topic: 'sensor.reading', data: { id: 'dev-1', n: 1 } }],
    otherName: { body: { topic: 'secret.reading', data: { id: 'dev-1', n: 1 } }, ...refused(404, 'unknown_topic') },
    otherKey: {
      body: { topic: 'sensor.reading', data: { id: 'dev-2', n: 1 } },
      status: 400,
      answer: { accepted: 0, rejected: [{ code: 'forbidden' }] },
    },
  },
  '/v1/tickets': { method: 'POST', ok: 201, ...NAMES_NOTHING },
  '/v1/stream': {
    path: '/v1/stream?topic=sensor.reading',
    otherName: { path: '/v1/stream?topic=secret.reading', ...refused(404, 'unknown_topic') },
    // It stays empty.
    otherKey: { path: '/v1/stream?topic=sensor.reading&key=dev-2', status: 200 },
  },
  '/v1/topics': NAMES_NOTHING,
  '/v1/rates': NAMES_NOTHING,
  '/v1/entities': NAMES_NOTHING,
  '/v1/history': {
    path: '/v1/history?topic=sensor.reading',
    otherName: { path: '/v1/history?topic=secret.reading', ...refused(404, 'unknown_topic') },
    otherKey: { path: '/v1/history?topic=sensor.reading&key=dev-2', status: 200, answer: { events: [] } },
  },
  '/v1/ws': { ok: 400, ...NAMES_NOTHING },
  '/v1/slow': { isAdmin: true, ...NAMES_NOTHING },
  '/v1/status': { isAdmin: true, ...NAMES_NOTHING },
  '/v1/dead-letters': { isAdmin: true, ...NAMES_NOTHING },
  '/v1/dead-letters/redrive': {
    method: 'POST',
    path: '/v1/dead-letters/redrive?topic=sensor.reading',
    isAdmin: true,
    otherName: { path: '/v1/dead-letters/redrive?topic=secret.reading', ...refused(403, 'forbidden') },
    otherKey: 'names nothing',
  },
  '/metrics': { isAdmin: true, ...NAMES_NOTHING },
  '/livez': { isOpen: true, ...NAMES_NOTHING },
  '/readyz': { isOpen: true, ...NAMES_NOTHING },
  END_PATH: {
    method: 'POST',
    path: '/v1/topics/sensor.reading/end',
    body: { source: 'nobody' },
    isOfAllKeys: true,
    otherName: { path: '/v1/topics/secret.reading/end', ...refused(404, 'unknown_topic') },
    otherKey: 'names nothing',
  },
  WINDOW_PATH: {
    path: '/v1/windows/sensor.sum?key=dev-1',
    otherName: { path: '/v1/windows/secret.sum?key=dev-1', ...refused(404, 'not_found') },
    otherKey: { path: '/v1/windows/sensor.sum?key=dev-2', status: 200, answer: { results: [] } },
  },
  COMMAND_PATH: {
    method: 'POST',
    path: '/v1/entities/counter/dev-1/add',
    body: { n: 0 },
    otherName: { path: '/v1/entities/counter/dev-1/clear', ...refused(404, 'unknown_command') },
    otherKey: { path: '/v1/entities/counter/dev-2/add', ...refused(403, 'forbidden') },
  },
  OUTCOME_PATH: {
    path: '/v1/commands/counter/dev-1/c-none',
    ok: 404,
    otherName: { path: '/v1/commands/nobody/dev-1/c-none', ...refused(404, 'not_found') },
    otherKey: { path: '/v1/commands/counter/dev-2/c-none', ...refused(404, 'not_found') },
  },
  FOUND_PATH: {
    path: '/v1/entities/counter?n=7',
    otherName: { path: '/v1/entities/nobody?n=7', ...refused(404, 'not_found') },
    // Both keys have it.
    otherKey: { path: '/v1/entities/counter?n=7', status: 200, answer: { entities: [{ key: 'dev-1' }] } },
  },
  ENTITY_PATH: {
    path: '/v1/entities/counter/dev-1',
    otherName: { path: '/v1/entities/nobody/dev-1', ...refused(404, 'not_found') },
    otherKey: { path: '/v1/entities/counter/dev-2', ...refused(404, 'not_found') },
  },
  HISTORY_PATH: {
    path: '/v1/entities/counter/dev-1/history',
    otherName: { path: '/v1/entities/nobody/dev-1/history', ...refused(404, 'not_found') },
    otherKey: { path: '/v1/entities/counter/dev-2/history', ...refused(404, 'not_found') },
  },
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
