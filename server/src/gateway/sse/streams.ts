import { DEFAULTS, ERROR_CODES, type ErrorCode, RETRYABLE, type ServerFrame } from '@tidegate/protocol'
import type { Clock } from '../../clock.ts'
import type { Delivery, SubscribeFrame } from '../../delivery/index.ts'
import type { Admission } from '../admission.ts'
import { errorReply } from '../http/replies.ts'
import type { HttpRequest, HttpResponse, StreamResponse } from '../transport/transport.ts'
import { EventSocket, HEARTBEAT } from './event-socket.ts'
import { readStreamRequest } from './stream-request.ts'

/** Clients come back spread over this time, so that the next gateway is not met by all at once. */
const MIN_RETRY_MS = 500
const RETRY_SPREAD_MS = 1_500

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // nginx would hold events back.
  'x-accel-buffering': 'no',
}

interface Stream {
  readonly socket: EventSocket
  looksAt: number
}

/** The open `GET /v1/stream` responses of a gateway: each one subscription of one delivery session of its own. */
export class Streams {
  readonly #delivery: Pick<Delivery, 'openSession'>
  readonly #admission: Admission
  readonly #clock: Clock
  readonly #streams = new Set<Stream>()
  #opened = 0
  #draining = false

  constructor(delivery: Pick<Delivery, 'openSession'>, admission: Admission, clock: Clock) {
    this.#delivery = delivery
    this.#admission = admission
    this.#clock = clock
  }

  get size(): number {
    return this.#streams.size
  }

  /** Answers once the subscription is granted or refused. */
  async open(request: HttpRequest): Promise<HttpResponse | StreamResponse> {
    const asked = readStreamRequest(request)
    if (!asked.ok) return errorReply(asked.code, asked.message)
    const retryAfterMs = this.#admission.connection(request.header('last-event-id') !== undefined)
    if (retryAfterMs !== undefined) return refusal('overloaded', ERROR_CODES.overloaded, retryAfterMs)
    return this.#draining ? refusal('unavailable', 'The gateway is stopping.') : this.#subscribe(asked.frame)
  }

  /** Called about once a second: shows quiet clients life, and ends streams whose client takes nothing. */
  tick(): void {
    const now = this.#clock.now()
    for (const stream of this.#streams) {
      if (now < stream.looksAt) continue
      stream.looksAt = now + DEFAULTS.pingMs
      if (!stream.socket.heartbeat()) stream.socket.end(undefined)
    }
  }

  /** Ends every stream: the clients resume elsewhere, from the id they have. No further ones are opened. */
  drain(): void {
    this.#draining = true
    for (const { socket } of [...this.#streams]) socket.end(retryMs())
  }

  async #subscribe(frame: SubscribeFrame): Promise<HttpResponse | StreamResponse> {
    let answered = (_answer: ServerFrame) => {}
    const answer = new Promise<ServerFrame>((resolve) => {
      answered = resolve
    })
    const socket = new EventSocket(
      (first) => answered(first),
      () => {
        this.#streams.delete(stream)
        session.close()
        answered({ type: 'error', code: 'unavailable', message: ERROR_CODES.unavailable, retryable: true })
      },
    )
    const stream: Stream = { socket, looksAt: this.#clock.now() + DEFAULTS.pingMs }
    const session = this.#delivery.openSession(socket, { name: `e-${(this.#opened++).toString(36)}` })
    this.#streams.add(stream)
    session.subscribe(frame)
    const first = await answer
    if (first.type === 'subscribed' && socket.vector.fits) {
      return {
        status: 200,
        headers: HEADERS,
        filler: HEARTBEAT,
        open: (transport) => {
          socket.attach(transport, retryMs())
          return { drained: () => session.drained(), closed: () => socket.end(undefined) }
        },
      }
    }
    socket.end(undefined)
    if (first.type === 'error') return refusal(first.code, first.message)
    return errorReply('stream_too_wide', ERROR_CODES.stream_too_wide)
  }
}

/** Browsers give up for good on any status but 200: what may pass is told inside a stream that ends. */
function refusal(code: ErrorCode, message: string, afterMs = retryMs()): HttpResponse {
  if (!RETRYABLE.has(code)) return errorReply(code, message)
  const error: ServerFrame = { type: 'error', code, message, retryable: true }
  return {
    status: 200,
    headers: HEADERS,
    body: `retry: ${afterMs}\nevent: error\ndata: ${JSON.stringify(error)}\n\n`,
  }
}

function retryMs(): number {
  return Math.round(MIN_RETRY_MS + Math.random() * RETRY_SPREAD_MS)
}
