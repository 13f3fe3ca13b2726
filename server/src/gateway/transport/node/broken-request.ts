import { errorReply, json } from '../../http/replies.ts'
import type { HttpResponse } from '../transport.ts'

/** What is answered to a request that Node could not read, by the code of its error; nothing when the client has gone. */
export function answerToBrokenRequest(code: string | undefined): HttpResponse | undefined {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return json(431, { error: { code: 'invalid_frame', message: 'The head of the request is too long.' } })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return json(408, { error: { code: 'invalid_frame', message: 'The request took too long to arrive.' } })
    default:
      // Of the parser; all others are of a connection that is gone.
      if (!code?.startsWith('HPE_') || code === 'HPE_INVALID_EOF_STATE') return undefined
      return errorReply('invalid_frame', 'This is no HTTP request.')
  }
}
