import { ERROR_CODES, type ErrorCode, RETRYABLE, type ServerFrame } from '@tidegate/protocol'
import type { Access, Caller } from '../../access/index.ts'
import type { Delivery, SubscribeFrame } from '../../delivery/index.ts'
import type { ClientLimits } from '../../limits/index.ts'
import { contained } from '../../observability/contained.ts'
import type { ReportDefect } from '../../observability/defects.ts'
import type { PresenceBook } from '../../presence/index.ts'
import { RETRY_AFTER_MS, spreadRetryMs } from '../../retry-after.ts'
import type { Admission } from '../admission.ts'
import type { LimitedRequest } from '../http/limited-request.ts'
import { errorReply } from '../http/replies.ts'
import type { HttpResponse, StreamResponse } from '../transport/transport.ts'
import { EventSocket } from './event-socket.ts'
import { type ResumeOf, readStreamRequest } from './stream-request.ts'

/** Clients reconnect spread over this time, so that they do not all reach the next gateway at once. */
const RECONNECT_MIN_MS = 500
const RECONNECT_SPREAD_MS = 1_500
/** Refusals that depend on this gateway's config, not on the request. */
const CONFIG_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['unknown_topic', 'unsupported', 'stream_too_wide'])

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Otherwise nginx would hold events back.
  'x-accel-buffering': 'no',
}

/** The open `GET /v1/stream` responses of a gateway, each with one subscriber of one subscription. */
export class Streams {
  readonly #delivery: Pick<Delivery, 'openSubscriber'>
  readonly #admission: Admission
  readonly #report: ReportDefect
  readonly #access: Pick<Access, 'admits'>
  readonly #presence: Pick<PresenceBook, 'open'> | undefined
  readonly #streams = new Map<EventSocket, Caller>()
  #opened = 0
  #draining = false

  constructor(
    delivery: Pick<Delivery, 'openSubscriber'>,
    access: Pick<Access, 'admits'>,
    admission: Admission,
    report: ReportDefect,
    presence?: Pick<PresenceBook, 'open'>,
  ) {
    this.#report = report
    this.#presence = presence
    this.#access = access
    this.#delivery = delivery
    this.#admission = admission
  }

  get size(): number {
    return this.#streams.size
  }

  /** Answers once the subscription is granted or refused. */
  async open(request: LimitedRequest, caller: Caller): Promise<HttpResponse | StreamResponse> {
    const asked = readStreamRequest(request)
    if (!asked.ok) return errorReply(asked.code, asked.message)
    const retryAfterMs = this.#admission.connection(request.header('last-event-id') !== undefined)
    if (retryAfterMs !== undefined) return refusal('overloaded', ERROR_CODES.overloaded, retryAfterMs)
    if (this.#draining) return refusal('unavailable', 'The gateway is stopping.')
    const { limits } = request
    const over = limits.connect() ?? limits.overdrawn('starts') ?? limits.hold('connections', 1)
    if (over !== undefined) return refusal(over.code, over.message, over.retryAfterMs)
    const { frame, resume } = asked
    const answer = await this.#subscribe(frame, caller, limits, resume === 'anew')
    if (answer.kind === 'stream') return answer
    if (resume === 'position' && answer.code === 'invalid_position') {
      const { from: _, ...anew } = frame
      const second = await this.#subscribe(anew, caller, limits, true)
      return second.kind === 'stream' ? second : refuse(second, resume)
    }
    return refuse(answer, resume)
  }

  /** Called every `LOOK_MS`: sends comments to quiet clients, and ends streams whose client accepts nothing. */
  tick(): void {
    for (const socket of this.#streams.keys()) {
      this.#contained('tick', socket, () => {
        if (!socket.look()) socket.end(undefined)
      })
    }
    this.recheck()
  }

  /** Ends the streams of callers that may not stay. They come back, and are refused then. */
  recheck(): void {
    for (const [socket, caller] of this.#streams) {
      if (!this.#access.admits(caller)) this.#contained('recheck', socket, () => socket.end(retryMs()))
    }
  }

  /** Ends every stream: clients resume elsewhere, from their last id. No new ones are opened. */
  drain(): void {
    this.#draining = true
    for (const socket of [...this.#streams.keys()]) this.#contained('drain', socket, () => socket.end(retryMs()))
  }

  #contained(where: string, socket: EventSocket, action: () => void): void {
    contained(this.#report, `${where} of a stream`, () => socket.end(undefined), action)
  }

  /** @param limits are closed with the stream */
  async #subscribe(
    frame: SubscribeFrame,
    caller: Caller,
    limits: ClientLimits,
    startsAnew: boolean,
  ): Promise<StreamResponse | Refusal> {
    let answered = (_answer: ServerFrame) => {}
    const answer = new Promise<ServerFrame>((resolve) => {
      answered = resolve
    })
    const socket = new EventSocket(
      (first) => answered(first),
      () => {
        this.#streams.delete(socket)
        subscriber.close()
        answered({ type: 'error', code: 'unavailable', message: ERROR_CODES.unavailable, retryable: true })
      },
      startsAnew,
    )
    const subscriber = this.#delivery.openSubscriber(socket, {
      name: `e-${(this.#opened++).toString(36)}`,
      rights: caller.rights,
      limits,
      seat: this.#presence?.open(caller),
    })
    this.#streams.set(socket, caller)
    subscriber.subscribe(frame)
    const first = await answer
    if (first.type === 'subscribed' && socket.vector.fits) {
      return {
        kind: 'stream',
        status: 200,
        headers: HEADERS,
        open: (transport) => {
          socket.attach(transport, retryMs())
          return {
            drained: () => this.#contained('drained', socket, () => subscriber.drained()),
            closed: () => {
              this.#contained('closed', socket, () => socket.end(undefined))
              limits.close()
            },
          }
        },
      }
    }
    socket.end(undefined)
    if (first.type === 'error') {
      return { kind: 'refused', code: first.code, message: first.message, retryAfterMs: first.retryAfterMs }
    }
    const code = 'stream_too_wide'
    return { kind: 'refused', code, message: ERROR_CODES[code], retryAfterMs: undefined }
  }
}

interface Refusal {
  readonly kind: 'refused'
  readonly code: ErrorCode
  readonly message: string
  readonly retryAfterMs: number | undefined
}

/** A stream served before may be served again once the config is corrected, so its client shall not give up. */
function refuse({ code, message, retryAfterMs }: Refusal, resume: ResumeOf): HttpResponse {
  if (resume === 'nothing' || !CONFIG_CODES.has(code)) return refusal(code, message, retryAfterMs)
  return errorStream(code === 'unknown_topic' ? 'topic_removed' : code, message, RETRY_AFTER_MS.config)
}

function refusal(code: ErrorCode, message: string, afterMs = retryMs()): HttpResponse {
  return RETRYABLE.has(code) ? errorStream(code, message, afterMs) : errorReply(code, message)
}

/** Browsers give up for good on any status but 200, so a temporary failure is an event of a stream that ends. */
function errorStream(code: ErrorCode, message: string, retryMs: number): HttpResponse {
  const error: ServerFrame = { type: 'error', code, message, retryable: true }
  return {
    kind: 'whole',
    status: 200,
    headers: HEADERS,
    body: `retry: ${retryMs}\nevent: error\ndata: ${JSON.stringify(error)}\n\n`,
  }
}

function retryMs(): number {
  return spreadRetryMs(RECONNECT_MIN_MS, RECONNECT_SPREAD_MS, Math.random())
}
