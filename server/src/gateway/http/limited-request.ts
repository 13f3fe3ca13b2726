import type { ErrorCode } from '@tidegate/protocol'
import type { Credentials } from '../../access/index.ts'
import type { ClientLimits } from '../../limits/index.ts'
import type { HttpRequest, HttpResponse } from '../transport/transport.ts'
import { errorReply } from './replies.ts'

/** A request with its share of the limits of its address and caller. */
export interface LimitedRequest extends HttpRequest {
  /** Closed with the answer, or with the stream that is the answer. */
  readonly limits: ClientLimits
  /** Address of the client, for people. */
  readonly from: string
  /** What it was sent with, besides what it says. */
  readonly ambient: Credentials
}

interface RefusedRequest {
  readonly code: ErrorCode
  readonly message: string
  readonly retryAfterMs?: number | undefined
}

export function limited(
  request: HttpRequest,
  { limits, from, ambient }: Pick<LimitedRequest, 'limits' | 'from' | 'ambient'>,
): LimitedRequest {
  return {
    ...request,
    limits,
    from,
    ambient,
    async body() {
      const body = await request.body()
      limits.chargeCaller(body?.length ?? 0)
      return body
    },
  }
}

/** The answer to what is refused, for a limit or anything else. */
export function refusedReply({ code, message, retryAfterMs }: RefusedRequest): HttpResponse {
  return errorReply(code, message, retryAfterMs)
}
