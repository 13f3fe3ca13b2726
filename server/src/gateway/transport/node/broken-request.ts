import { errorReply, json } from '../../http/replies.ts'
import type { HttpResponse } from '../transport.ts'

/** The answer to a request that Node could not parse, by error code; `undefined` when the client has gone. */
export function answerToBrokenRequest(code: string | undefined): HttpResponse | undefined {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return json(431, { error: { code: 'invalid_frame', message: 'The head of the request is too long.' } })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return json(408, { error: { code: 'invalid_frame', message: 'The request took too long to arrive.' } })
    default:
      // Parser errors; all others mean that the connection is gone.
      if (!code?.startsWith('HPE_') || code === 'HPE_INVALID_EOF_STATE') return undefined
      return errorReply('invalid_frame', 'This is no HTTP request.')
  }
}
