import { ReplyError } from 'ioredis'
import { BusFull, MEMORY_FULL } from '../errors.ts'
import type { Redis } from '../redis/connection.ts'
import { isFull } from '../redis/outage.ts'
import { confirmedBy, replicated } from '../redis/replicas.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import { type AppendPart, addArguments } from './append-part.ts'
import { type Answer, SharedCalls, throwOutage } from './shared-calls.ts'
import { type SliceRun, singly, sliceRuns } from './slice-runs.ts'

const APPEND_SCRIPT: Script = loadScript('append', { include: ['lineage', 'contained', 'append-partition'] })

/** Parts of one call: beside so many its fixed cost is small, and together they hold Redis for less than a millisecond. */
const MAX_PARTS = 16
const MAX_CALL_BYTES = 256 * 1_024

/** What the script answered to a part. */
export type RawReply =
  | ['OK', epoch: string, verdicts: string, positions: string, lineage: string, refusals: string]
  | ['LINEAGE', stored: string, current: string, epoch: string]
  | ['TYPE', string]
  | ['FULL']

export interface JudgedPart {
  /** The slices that were judged as one. */
  readonly runs: readonly SliceRun[]
  readonly reply: RawReply
}

type ScriptReply = RawReply | ['SPLIT'] | ['ERROR', message: string]

/** For a partition, `add` MUST be called again only once it was answered. It throws BusUnavailable, BusFull, what Redis refused the part with. */
export type AppendCalls = SharedCalls<AppendPart, JudgedPart>

/**
 * The appends that leave over a connection.
 *
 * @param run makes a call behind the guard of appends
 * @param isOneSlot whether a call may touch one slot only, as in a cluster
 */
export function appendCalls(
  run: <T>(call: (redis: Redis) => Promise<T>) => Promise<T>,
  isOneSlot: boolean,
): AppendCalls {
  return new SharedCalls({
    call: (parts) => run((redis) => judge(redis, parts)),
    maxParts: isOneSlot ? 1 : MAX_PARTS,
    maxBytes: MAX_CALL_BYTES,
    bytesOf: ({ request }) => request.batches.reduce((sum, { payload }) => sum + payload.length, 0),
  })
}

/** Slices of a part, and what is judged as one of them. */
interface AskedPart {
  readonly part: AppendPart
  readonly runs: readonly SliceRun[]
}

/** @throws an outage, where Redis could not store anything */
async function judge(redis: Redis, parts: readonly AppendPart[]): Promise<readonly Answer<JudgedPart>[]> {
  const asked: AskedPart[] = parts.map((part) => ({ part, runs: sliceRuns(part.request.slices) }))
  const replies = await callScript(redis, asked)
  const split = [...parts.keys()].filter((i) => replies[i]![0] === 'SPLIT')
  if (split.length > 0) {
    for (const i of split) asked[i] = { part: parts[i]!, runs: singly(parts[i]!.request.slices) }
    const again = await callScript(
      redis,
      split.map((i) => asked[i]!),
    )
    for (const [n, i] of split.entries()) replies[i] = again[n]!
  }
  const answers = replies.map((reply, i) => answerOf(reply, asked[i]!.runs))
  throwOutage(answers)
  await confirm(redis, parts, answers)
  return answers
}

async function callScript(redis: Redis, asked: readonly AskedPart[]): Promise<ScriptReply[]> {
  const scriptKeys: string[] = []
  const args: (string | number | Buffer)[] = []
  for (const { part, runs } of asked) addArguments(part, runs, scriptKeys, args)
  return (await runScript(redis, APPEND_SCRIPT, scriptKeys, args)) as ScriptReply[]
}

function answerOf(reply: ScriptReply, runs: readonly SliceRun[]): Answer<JudgedPart> {
  if (reply[0] === 'ERROR') {
    const error = new ReplyError(reply[1])
    return { error: isFull(error) ? new BusFull(MEMORY_FULL) : error }
  }
  if (reply[0] === 'SPLIT') throw new Error('Redis was given single slices, and asks for single slices.')
  return { reply: { runs, reply } }
}

/** Waits until as many replicas have the parts as these ask for. @throws ReplicasMissing */
async function confirm(
  redis: Redis,
  parts: readonly AppendPart[],
  answers: readonly Answer<JudgedPart>[],
): Promise<void> {
  let written = 0
  for (const [i, { partition, options }] of parts.entries()) {
    const answer = answers[i]!
    const { replicas = 0 } = options
    if (replicas === 0 || 'error' in answer || answer.reply.reply[0] !== 'OK') continue
    if (answer.reply.reply[2].includes('N')) written = Math.max(written, replicas)
    // A duplicate may have come through another connection.
    else await replicated(redis, partition, replicas)
  }
  await confirmedBy(redis, written)
}
