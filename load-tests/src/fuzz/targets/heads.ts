import { ERROR_CODES } from '@tidegate/protocol'
import fc from 'fast-check'
import { Rights } from '../../../../server/src/access/index.ts'
import { planSubscription, UNLIMITED } from '../../../../server/src/delivery/subscription/subscription-plan.ts'
import { AmbientCredentials, requestCredentials } from '../../../../server/src/gateway/credentials.ts'
import { decodePath } from '../../../../server/src/gateway/http/decode-path.ts'
import { paramsOf } from '../../../../server/src/gateway/http/params.ts'
import { routesAt } from '../../../../server/src/gateway/http/route-table.ts'
import { readStreamRequest } from '../../../../server/src/gateway/sse/stream-request.ts'
import { headerLines } from '../../../../server/src/gateway/transport/node/header-lines.ts'
import { splitTarget } from '../../../../server/src/gateway/transport/node/request-target.ts'
import { readRequestHead } from '../../../../server/src/gateway/transport/request-head.ts'
import { contract } from '../contract.ts'
import { edited } from '../json-text.ts'
import { NASTY_TEXTS } from '../nasty.ts'
import { must, target } from '../target.ts'
import * as v from '../values.ts'
import { where } from './frames.ts'

interface HeadInput {
  readonly target: string
  /** Names and values in turn, as Node gives them. */
  readonly headers: readonly string[]
}

const resume = fc.constantFrom(
  '0!1!sensor.reading:hnl/0/0',
  'kp!1,2!sensor.reading:l/0-1.2@1',
  'now',
  '17',
  '0!1!nothing:h',
)
const parameter = fc.oneof(
  fc.tuple(fc.constant('topic'), v.selector),
  fc.tuple(fc.constant('key'), v.key),
  fc.tuple(fc.constant('filter'), where),
  fc.tuple(fc.constant('from'), resume),
  fc.tuple(fc.constantFrom('lanes', 'onSlow'), fc.constantFrom('high,low', 'drop-oldest', '')),
  fc.tuple(
    fc.constantFrom('maxRate', 'maxMs', 'maxEvents', 'limit', 'version'),
    fc.constantFrom('1', '0.5', '1e9', '-1', '10000'),
  ),
  fc.tuple(fc.constantFrom('snapshot'), fc.constantFrom('true', 'false', '1')),
  fc.tuple(fc.constantFrom(...NASTY_TEXTS), fc.constantFrom(...NASTY_TEXTS)),
)
const encoded = (text: string) => encodeURIComponent(text.toWellFormed())
const queryText = fc
  .array(parameter, { maxLength: 8 })
  .map((pairs) =>
    [['topic', 'sensor.reading'] as const, ...pairs]
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .join('&'),
  )
const path = fc.constantFrom(
  ...[
    '/v1/stream',
    '/v1/events',
    '/v1/entities/user/a%20b/note',
    '/v1/entities/user/%ff',
    '/v1/commands/user//x',
    '/',
    '//',
    '/%7e%41%2f',
  ],
)
const targets = fc.tuple(path, queryText).map(([each, query]) => `${each}?${query}`)
/** As much as fits into a head, of what is read more than once. */
const crowded = fc.constantFrom(
  `/v1/stream?${Array.from({ length: 1_000 }, (_, i) => i.toString(36)).join('&')}`,
  `/v1/stream?${'key=a&'.repeat(680)}`,
  `/v1/stream?${'&'.repeat(4_000)}`,
  `/v1/stream?topic=${'%20'.repeat(1_300)}`,
  `/v1/entities/${'a/'.repeat(2_000)}`,
  `/${'%41'.repeat(1_300)}`,
  `http://${'a'.repeat(4_000)}`,
)
const header = fc.oneof(
  fc.tuple(fc.constant('host'), fc.constant('localhost')),
  fc.tuple(
    fc.constantFrom('content-length', 'Transfer-Encoding'),
    fc.constantFrom('0', '1', '-1', 'chunked', 'gzip, chunked', 'chunked, chunked', ',', `${','.repeat(4_000)}`),
  ),
  fc.tuple(fc.constant('Authorization'), edited(fc.constantFrom('Bearer a.b.c', 'bearer   x'))),
  fc.tuple(fc.constant('Last-Event-ID'), fc.oneof(resume, edited(resume))),
  fc.tuple(fc.constantFrom('x', 'content-type'), fc.constantFrom('a', 'é', '\xff')),
)
const headers = fc.array(header, { maxLength: 4 }).map((lines) => ['Host', 'localhost', ...lines.flat()])

/** Heads of requests: framing, path, query, and the subscription that a stream asks for. */
export default target<HeadInput>({
  name: 'heads',
  inputs: fc.record({
    target: fc.oneof(
      { weight: 5, arbitrary: targets },
      { weight: 5, arbitrary: edited(targets) },
      { weight: 1, arbitrary: crowded },
    ),
    headers,
  }),
  run({ target: requested, headers: raw }) {
    const head = readRequestHead({
      method: 'GET',
      ...splitTarget(requested),
      version: '1.1',
      headers: headerLines(raw),
    })
    if (head.kind !== 'read') {
      must(head.answer.status >= 400, 'a refusal is none')
      return
    }
    for (const pattern of [/^\/v1\/entities\/([^/]+)$/, /^\/v1\/commands\/([^/]+)\/([^/]*)\/([^/]+)$/]) {
      const match = pattern.exec(head.path)
      if (match !== null) decodePath(match)
    }
    const methods = routesAt(head.path).flatMap((route) => route.methods)
    must(new Set(methods).size === methods.length, 'a method of a path has two routes')
    const header = (name: string) => head.headers.get(name)
    const ambient = new AmbientCredentials('session', { isFromKnownPage: () => true })
    requestCredentials({
      path: head.path,
      query: head.query,
      header,
      ambient: ambient.of({ header, certificate: undefined }),
    })
    const params = paramsOf(head.query)
    must(Object.getPrototypeOf(params) === null, 'parameters have names that nobody sent')
    const stream = readStreamRequest({ query: head.query, header: (name) => head.headers.get(name) })
    if (stream.ok) planSubscription(stream.frame, contract, 4, UNLIMITED, Rights.EVERYTHING)
    else must(Object.hasOwn(ERROR_CODES, stream.code), `no code: ${stream.code}`)
  },
  covers: [
    'server/src/gateway/transport/request-head.ts',
    'server/src/gateway/transport/node/request-target.ts',
    'server/src/gateway/transport/node/header-lines.ts',
    'server/src/gateway/http/params.ts',
    'server/src/gateway/http/decode-path.ts',
    'server/src/gateway/credentials.ts',
    'server/src/gateway/sse/stream-request.ts',
  ],
})
