import { ReplyError } from 'ioredis'
import type { Redis } from '../redis/connection.ts'
import { type Argument, loadScript, runScript, type Script } from '../redis/script.ts'
import { type Answer, SharedCalls, throwOutage } from './shared-calls.ts'

const PARTS = ['lineage', 'contained', 'owner', 'packed', 'operations', 'commit-part']
const COMMIT_SCRIPT: Script = loadScript('commit', { allowOom: true, include: PARTS })
/** What a backfill adds frees nothing: while Redis is full it waits. */
const BACKFILL_SCRIPT: Script = loadScript('commit', { allowOom: false, include: PARTS })

const MAX_PARTS = 16
const MAX_CALL_BYTES = 128 * 1_024
/** A larger commit holds Redis for a while: it shares no call, since those of other partitions would wait for it. */
const MAX_SHARED_BYTES = 32 * 1_024

/** One commit of one ledger, as the script is given it. */
export interface CommitPart {
  readonly scriptKeys: readonly string[]
  readonly args: readonly Argument[]
}

/** What the script answered to a part. */
export type RawCommitReply = readonly string[]

/** For a ledger, `add` MUST be called again only once it was answered. */
export type CommitCalls = SharedCalls<CommitPart, RawCommitReply>

/**
 * The commits of owners that leave over a connection.
 *
 * @param run makes a call behind the guard of commits
 * @param isOneSlot whether a call may touch one slot only, as in a cluster
 */
export function commitCalls(
  run: <T>(call: (redis: Redis) => Promise<T>) => Promise<T>,
  isOneSlot: boolean,
): CommitCalls {
  return new SharedCalls({
    call: (parts) => run((redis) => commitAll(redis, COMMIT_SCRIPT, parts)),
    maxParts: isOneSlot ? 1 : MAX_PARTS,
    maxBytes: MAX_CALL_BYTES,
    bytesOf: bytesOfPart,
  })
}

/** The commit of a backfill. */
export async function commitOfBackfill(redis: Redis, part: CommitPart): Promise<RawCommitReply> {
  const [answer] = await commitAll(redis, BACKFILL_SCRIPT, [part])
  if ('error' in answer!) throw answer.error
  return answer!.reply
}

/** @throws an outage, where Redis could not store anything */
async function commitAll(
  redis: Redis,
  script: Script,
  parts: readonly CommitPart[],
): Promise<readonly Answer<RawCommitReply>[]> {
  const scriptKeys: string[] = []
  const all: Argument[] = []
  for (const part of parts) {
    all.push(part.scriptKeys.length, part.args.length)
    for (const key of part.scriptKeys) scriptKeys.push(key)
    for (const argument of part.args) all.push(argument)
  }
  const replies = (await runScript(redis, script, scriptKeys, all)) as RawCommitReply[]
  const answers = replies.map(answerOf)
  throwOutage(answers)
  return answers
}

function answerOf(reply: RawCommitReply): Answer<RawCommitReply> {
  return reply[0] === 'ERROR' ? { error: new ReplyError(reply[1]) } : { reply }
}

/** Of a call, in characters where they are not encoded: near enough. A large part fills it. */
function bytesOfPart({ args }: CommitPart): number {
  let bytes = 0
  for (const argument of args) if (typeof argument !== 'number') bytes += argument.length
  return bytes > MAX_SHARED_BYTES ? Number.POSITIVE_INFINITY : bytes
}
