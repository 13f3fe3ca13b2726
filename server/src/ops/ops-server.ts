import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { cannotListen } from '../claim-port.ts'
import { PageAccess } from '../page-access.ts'
import { contextOf, type Tls } from '../tls.ts'
import { TlsWatch } from '../tls-watch.ts'
import type { HostPattern } from '../web-origin.ts'

/** First port that is tried where none is named: the one that Prometheus exporters of OpenTelemetry have. */
export const FIRST_METRICS_PORT = 9_464
/** As many processes of one machine as find one. */
const PORTS_TRIED = 256
/** Whoever asks sends a line and some headers. */
const MAX_HEADER_BYTES = 8_192
const REQUEST_MS = 5_000
const MAX_CONNECTIONS = 64

export interface OpsSettings {
  readonly host: string
  /** 0 for a free one; absent for the first free one from 9464 on. */
  readonly port?: number | undefined
  /** Further names that it is reached by. */
  readonly hosts: readonly HostPattern[]
  /** Absent: connections are not encrypted. */
  readonly tls?: Tls | undefined
  /** What `/readyz` says: 200 if ready, else 503. */
  readonly readiness: () => { readonly ready: boolean }
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
  /** Called with one line for everything the operator should know. */
  readonly warn: (line: string) => void
}

export interface OpsServer {
  readonly port: number
  close(): void
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/**
 * `/livez`, `/readyz` and `/metrics` of a process that serves no clients. It asks nobody who they are: whoever reaches it is an
 * operator.
 *
 * @throws where the port is taken
 */
export async function openOpsServer(settings: OpsSettings): Promise<OpsServer> {
  const { host, hosts, tls, warn } = settings
  const pages = new PageAccess({ host, origins: [], hosts })
  const render = shared(settings.metrics)
  const listener: RequestListener = (request, response) => {
    void answerTo(request, pages, { ...settings, metrics: render })
      .catch((error) => {
        warn(`${request.url} could not be answered: ${error}`)
        return text(500, 'It could not be answered. The log has the cause.')
      })
      .then((answer) => send(response, answer))
  }
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: REQUEST_MS,
  }
  const secure =
    tls && createTlsServer({ ...options, ...contextOf(tls), requestCert: tls.clientCa !== undefined }, listener)
  const server = secure ?? createServer(options, listener)
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(REQUEST_MS)
  const port = await listen(server, settings)
  const watch = tls && new TlsWatch({ tls, renew: async (next) => secure?.setSecureContext(contextOf(next)), warn })
  watch?.start()
  return {
    port,
    close() {
      watch?.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answerTo(
  request: IncomingMessage,
  pages: PageAccess,
  { readiness, metrics }: Pick<OpsSettings, 'readiness' | 'metrics'>,
): Promise<Answer> {
  const { method = '', url = '' } = request
  const verdict = pages.judge({ method, header: (name) => request.headers[name]?.toString() })
  if (verdict.kind === 'refused') return text(verdict.code === 'forbidden' ? 403 : 400, verdict.message)
  if (verdict.kind === 'guest') return text(403, `Pages of ${verdict.origin} have no business here.`)
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'Use GET or HEAD.')
  switch (url.replace(/\?.*/s, '')) {
    case '/livez':
      return json(200, { live: true })
    case '/readyz': {
      const report = readiness()
      return json(report.ready ? 200 : 503, report)
    }
    case '/metrics':
      return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await metrics() }
    default:
      return text(404, 'There are /livez, /readyz and /metrics.')
  }
}

function text(status: number, line: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${line}\n` }
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(body)
}

/** Those who ask while an answer is made get the same one. */
function shared(render: () => Promise<string>): () => Promise<string> {
  let rendering: Promise<string> | undefined
  return () => {
    rendering ??= render().finally(() => {
      rendering = undefined
    })
    return rendering
  }
}

async function listen(
  server: ReturnType<typeof createServer>,
  { host, port }: Pick<OpsSettings, 'host' | 'port'>,
): Promise<number> {
  const first = port ?? FIRST_METRICS_PORT
  const last = port ?? FIRST_METRICS_PORT + PORTS_TRIED - 1
  for (let tried = first; ; tried++) {
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen({ host, port: tried, exclusive: true }, () => {
        server.off('error', resolve)
        resolve(undefined)
      })
    })
    if (error === undefined) {
      const address = server.address()
      return typeof address === 'object' && address !== null ? address.port : tried
    }
    if (error.code !== 'EADDRINUSE' || tried >= last) throw cannotListen(host, tried, error)
  }
}
