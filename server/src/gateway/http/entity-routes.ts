import { LIMITS } from '@tidegate/protocol'
import type { Caller } from '../../access/index.ts'
import { type Commands, readOutcome, requestId } from '../../commands/index.ts'
import { type CommandOutcome, parseVersion } from '../../entities/index.ts'
import { optionalNumber, type Params } from '../../queries/index.ts'
import type { HttpRequest, HttpResponse } from '../transport/transport.ts'
import { answerReply, pendingReply } from './command-replies.ts'
import { decodePath } from './decode-path.ts'
import { badIdempotencyKey, isIdempotencyKey } from './idempotency-key.ts'
import { errorReply, json } from './replies.ts'
import { NOT_JSON, parseJson, readContent } from './request-content.ts'
import { requestTrace } from './request-trace.ts'

/** `/v1/entities/<entity>/<key>/<command>`, in parts that are still encoded. */
export const COMMAND_PATH = /^\/v1\/entities\/([^/]+)\/([^/]*)\/([^/]+)$/
/** `/v1/commands/<entity>/<key>/<id>`. */
export const OUTCOME_PATH = /^\/v1\/commands\/([^/]+)\/([^/]*)\/([^/]+)$/

/** `POST /v1/entities/:entity/:key/:command`: the body is the input. */
export async function sendCommand(
  commands: Commands,
  request: HttpRequest,
  params: Params,
  caller: Caller,
): Promise<HttpResponse> {
  const body = await request.body()
  if (body === undefined || body.length > LIMITS.frameBytes) {
    return errorReply('frame_too_large', `The body is larger than ${LIMITS.frameBytes} bytes.`)
  }
  const parts = decodeParts(COMMAND_PATH, request.path)
  if (parts === undefined) return badPath()
  const [entity, key, command] = parts
  const idempotencyKey = request.header('idempotency-key')
  if (idempotencyKey !== undefined && !isIdempotencyKey(idempotencyKey)) return badIdempotencyKey()
  const ifMatch = request.header('if-match')
  const expected = ifMatch === undefined ? undefined : parseIfMatch(ifMatch)
  if (ifMatch !== undefined && expected === undefined) {
    return errorReply('invalid_frame', 'If-Match: expected a version in quotes, "3" or "3@epoch"')
  }
  const deadlineMs = optionalNumber(params, 'deadlineMs', LIMITS.minDeadlineMs)
  if (deadlineMs !== undefined && deadlineMs > LIMITS.maxDeadlineMs) {
    return errorReply('invalid_frame', `deadlineMs: expected ${LIMITS.minDeadlineMs} to ${LIMITS.maxDeadlineMs}`)
  }
  const content = readContent(request.header, body)
  if (!content.ok) return errorReply(content.code, content.message)
  const input = content.text === '' ? {} : parseJson(content.text)
  if (input === NOT_JSON) return errorReply('invalid_frame', 'The body is not valid JSON.')
  const id = requestId(entity, key, idempotencyKey)
  const trace = requestTrace(request.header)
  const outcome = await new Promise<CommandOutcome>((resolve) =>
    commands.send({ id, entity, key, command, caller, input, expected, deadlineMs, trace }, (told) =>
      resolve(readOutcome(told)),
    ),
  )
  return answerReply(outcome, outcomePath(entity, key, id), (code) => commands.isDeclared(entity, code))
}

/** `GET /v1/commands/:entity/:key/:id`: what became of a command. @throws BusUnavailable */
export async function commandOutcome(commands: Commands, path: string, caller: Caller): Promise<HttpResponse> {
  const parts = decodeParts(OUTCOME_PATH, path)
  if (parts === undefined) return badPath()
  const outcome = await commands.outcome(...parts, caller)
  if (outcome === undefined) return errorReply('not_found', 'Nothing is known of a command with this id.')
  return outcome === 'pending' ? pendingReply(outcomePath(...parts)) : json(200, outcome)
}

type Parts = readonly [entity: string, key: string, last: string]

function decodeParts(pattern: RegExp, path: string): Parts | undefined {
  return decodePath(pattern.exec(path)!) as Parts | undefined
}

function badPath(): HttpResponse {
  return errorReply('invalid_frame', 'The path is not percent-encoded UTF-8.')
}

function outcomePath(entity: string, key: string, id: string): string {
  return `/v1/commands/${[entity, key, id].map(encodeURIComponent).join('/')}`
}

function parseIfMatch(value: string) {
  const version = /^"(.*)"$/.exec(value.trim())?.[1]
  return version === undefined ? undefined : parseVersion(version)
}
