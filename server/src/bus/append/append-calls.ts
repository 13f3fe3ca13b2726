import { ReplyError } from 'ioredis'
import { BusFull, MEMORY_FULL } from '../errors.ts'
import type { Redis } from '../redis/connection.ts'
import { isFull, isOutage } from '../redis/outage.ts'
import { confirmedBy, replicated } from '../redis/replicas.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import { type AppendPart, addArguments } from './append-part.ts'
import { type SliceRun, singly, sliceRuns } from './slice-runs.ts'

const APPEND_SCRIPT: Script = loadScript('append', { include: ['lineage', 'append-partition'] })

/** Parts of one call: beside so many its fixed cost is small, and together they hold Redis for less than a millisecond. */
const MAX_PARTS = 16
/** Bytes of one call, unless a part alone has more. */
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

type Answer = JudgedPart | { readonly error: Error }

interface OpenCall {
  readonly parts: AppendPart[]
  bytes: number
  /** One for each part, in their order. */
  readonly answers: Promise<readonly Answer[]>
}

/**
 * The appends that leave over a connection. Those of different partitions that come in the same stretch of the event loop are one
 * call: a call costs Redis and this process more than a part of it does.
 */
export class AppendCalls {
  readonly #run: <T>(call: (redis: Redis) => Promise<T>) => Promise<T>
  readonly #maxParts: number
  #open: OpenCall | undefined

  /**
   * @param run makes a call behind the guard of appends
   * @param isOneSlot whether a call may touch one slot only, as in a cluster
   */
  constructor(run: <T>(call: (redis: Redis) => Promise<T>) => Promise<T>, isOneSlot: boolean) {
    this.#run = run
    this.#maxParts = isOneSlot ? 1 : MAX_PARTS
  }

  /**
   * MUST be called again for the partition only once it was answered.
   *
   * @throws BusUnavailable, BusFull; what Redis refused the part with
   */
  async add(part: AppendPart): Promise<JudgedPart> {
    const bytes = part.request.batches.reduce((sum, { payload }) => sum + payload.length, 0)
    let open = this.#open
    if (open === undefined || open.parts.length >= this.#maxParts || open.bytes + bytes > MAX_CALL_BYTES) {
      open = this.#begin()
      this.#open = open
    }
    open.bytes += bytes
    const place = open.parts.push(part) - 1
    const answer = (await open.answers)[place]!
    if (!('error' in answer)) return answer
    throw isFull(answer.error) ? new BusFull(MEMORY_FULL) : answer.error
  }

  #begin(): OpenCall {
    const parts: AppendPart[] = []
    const answers = Promise.resolve().then(() => {
      if (this.#open?.parts === parts) this.#open = undefined
      return this.#run((redis) => judge(redis, parts))
    })
    return { parts, bytes: 0, answers }
  }
}

/** Slices of a part, and what is judged as one of them. */
interface AskedPart {
  readonly part: AppendPart
  readonly runs: readonly SliceRun[]
}

/** @throws an outage, where Redis could not store anything */
async function judge(redis: Redis, parts: readonly AppendPart[]): Promise<readonly Answer[]> {
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
  // What Redis cannot do for one part it has done for none, since it judges by its own state before the first write of a script.
  for (const answer of answers) if ('error' in answer && isOutage(answer.error)) throw answer.error
  await confirm(redis, parts, answers)
  return answers
}

async function callScript(redis: Redis, asked: readonly AskedPart[]): Promise<ScriptReply[]> {
  const scriptKeys: string[] = []
  const args: (string | number | Buffer)[] = []
  for (const { part, runs } of asked) addArguments(part, runs, scriptKeys, args)
  return (await runScript(redis, APPEND_SCRIPT, scriptKeys, args)) as ScriptReply[]
}

function answerOf(reply: ScriptReply, runs: readonly SliceRun[]): Answer {
  if (reply[0] === 'ERROR') return { error: new ReplyError(reply[1]) }
  if (reply[0] === 'SPLIT') throw new Error('Redis was given single slices, and asks for single slices.')
  return { runs, reply }
}

/** Waits until as many replicas have the parts as these ask for. @throws ReplicasMissing */
async function confirm(redis: Redis, parts: readonly AppendPart[], answers: readonly Answer[]): Promise<void> {
  let written = 0
  for (const [i, { partition, options }] of parts.entries()) {
    const answer = answers[i]!
    const { replicas = 0 } = options
    if (replicas === 0 || 'error' in answer || answer.reply[0] !== 'OK') continue
    if (answer.reply[2].includes('N')) written = Math.max(written, replicas)
    // A duplicate may have come through another connection.
    else await replicated(redis, partition, replicas)
  }
  await confirmedBy(redis, written)
}
