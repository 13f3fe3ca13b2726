import { type Access, type Caller, type Refusal, refusal } from '../../access/index.ts'
import { failureOf } from '../../queries/index.ts'
import { RETRY_AFTER_MS } from '../../retry-after.ts'
import type { HttpResponse, StreamResponse } from '../transport/transport.ts'
import type { LimitedRequest } from './limited-request.ts'
import { errorReply } from './replies.ts'

/** The caller lost its rights before all of its request had come. */
class Ousted extends Error {}

const OUSTED = refusal('expired or revoked while it was served')

/**
 * Answers a request as long as its caller may stay: a body may take a minute, and an answer may wait for a version. One who
 * may not stores nothing, and is shown nothing. What was stored before is confirmed all the same, or it would be sent again.
 * Streams end by themselves.
 */
export async function whileAdmitted(
  access: Pick<Access, 'admits'>,
  caller: Caller,
  request: LimitedRequest,
  answer: (request: LimitedRequest) => Promise<HttpResponse | StreamResponse>,
): Promise<HttpResponse | StreamResponse> {
  const body = async () => {
    const whole = await request.body()
    if (!access.admits(caller)) throw new Ousted()
    return whole
  }
  try {
    const given = await answer({ ...request, body })
    return given.kind === 'whole' && request.method !== 'POST' && !access.admits(caller) ? shutOut(OUSTED) : given
  } catch (error) {
    // What cannot be answered tells something as well. A defect is reported first.
    if (error instanceof Ousted || (failureOf(error) !== undefined && !access.admits(caller))) return shutOut(OUSTED)
    throw error
  }
}

/** Answers somebody who is not let in. */
export function shutOut({ code, message }: Refusal): HttpResponse {
  const answer = errorReply(code, message, code === 'unavailable' ? RETRY_AFTER_MS.query : undefined)
  return code === 'unavailable' ? answer : { ...answer, headers: { ...answer.headers, 'www-authenticate': 'Bearer' } }
}
