import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { WindowShape } from '../../config/contract/model.ts'
import { windowsOf } from '../../operators/index.ts'
import { printableJson } from '../terminal/printable.ts'
import { parseOptions, UsageError } from '../usage/usage-error.ts'
import { asTime, Replay } from './replay.ts'
import { type ReplaySpec, readReplaySpec } from './replay-spec.ts'

export const usage = `tidegate window replay --spec <json or file>
tidegate window assign --spec <json or file> <time>...
tidegate window backfill <name> --from <time> [--to <time>] [--end] [--detach] [--config <file>] [--data <folder>]

Tries a window offline, with the operator that workers run, or fills the past of one that was added or changed.

  replay  reads steps from standard input, a JSON object a line, and writes what each leads to:
            {"event":{"key","time","value","source"?}}   one event; {"bundle":[...]} several, as one record batch
            {"watermark":W,"source"?}                    the source promises: nothing before W any more
            {"clock":ms}                                 the wall clock, while all sources are asked for input
            {"idle":"source"}                            the source has nothing for now (true: none has)
            {"snapshot":true}                            save, and continue from what was saved
            {"end":true}                                 nothing comes any more
          and out come {"pane":...}, {"withdraw":...}, {"late":...}, {"watermark":W} when it moved, and {"step":n}.
  assign  writes {"time":t,"windows":[[start,end],...]} for each time in ms.
  backfill  computes the windows that start before the live one has all events, from the logs as far as retention keeps
          them, and appends their panes to its topic. The workers do it and continue when this command ends; said again it
          shows how far they are. What was filled before is not filled twice.
            --from    first start of a window: 2026-11-23, 2026-11-23T12:00:00Z, 24h (ago) or earliest
            --to      only windows that start before it
            --end     no more input comes: closes the last windows at the end of the logs
            --detach  does not wait
            --config  the config that runs; --data  folder of the \`tidegate start\` to ask, when REDIS_URL is not set

Fields of the spec; durations are ms or text such as "10s":
  type             tumbling, hopping or session
  size slide gap   as the type needs them; offset shifts tumbling and hopping windows
  outOfOrderness   0; how far the watermark trails the largest time of a source
  allowedLateness  0; how long after its end a window may still be revised
  accumulation     accumulating (a pane holds everything so far) or discarding (what came since the last one)
  emit             "close", or {"every":"5s"} for early panes by the clock
  watermarks       "bounded" (by outOfOrderness), or "explicit": only watermark steps move time
  aggregate        count, sum, avg, min, max, first, last, stddev, rate, timeWeightedAvg, distinct, list of the value;
                   {"fn":"quantiles","at":[0.5,0.99]} or {"fn":"topK","k":3} of it, or named ones, of fields of it as
                   in a config: {"mean":"avg","peak":{"max":"temperature"},"top":{"topK":"item","k":3,"by":"price"}}

Examples:
  echo '{"event":{"key":"a","time":1,"value":2}}' | tidegate window replay --spec '{"type":"tumbling","size":"10s","aggregate":"sum"}'
  tidegate window replay --spec session.json < steps.ndjson
  tidegate window assign --spec '{"type":"hopping","size":"1m","slide":"20s"}' 1732350000120
  tidegate window backfill sensor.1m --from 24h
  REDIS_URL=redis://127.0.0.1:6379 tidegate window backfill sensor.1m --from 2026-11-23T00:00:00Z --to 2026-11-24
`

/** A negative number is a time, although option parsers take it for an option. */
const TIME = /^-?\d/

export async function run([command, ...args]: string[]): Promise<number> {
  // Loaded on demand: the other subcommands need neither Redis nor BullMQ.
  if (command === 'backfill') return (await import('./backfill.ts')).backfill(args)
  if (command !== 'replay' && command !== 'assign') {
    throw new UsageError(command === undefined ? 'say replay, assign or backfill' : `there is no window ${command}`)
  }
  const times = args.filter((arg, i) => TIME.test(arg) && args[i - 1] !== '--spec')
  const options = args.filter((arg, i) => !TIME.test(arg) || args[i - 1] === '--spec')
  const flags = parseOptions(options, { spec: { type: 'string' } })
  if (flags.spec === undefined) throw new UsageError('--spec is missing')
  const spec = readReplaySpec(flags.spec)
  if (command === 'replay' && times.length > 0) throw new UsageError('replay reads its events from standard input')
  if (command === 'assign' && times.length === 0) throw new UsageError('say at least one time, in ms')
  const lines = command === 'assign' ? assigned(times, spec.window) : replayed(spec)
  try {
    for await (const written of lines) if (!print(written)) await once(process.stdout, 'drain')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPIPE') throw cause
    // The reader has ended: `| head`.
  }
  return 0
}

/** The windows of times as text. @throws Error for what is no time. */
function* assigned(times: readonly string[], shape: WindowShape): Generator<object[]> {
  for (const text of times) {
    const time = asTime('a time', /^-?\d+$/.test(text) ? Number(text) : text)
    yield [{ time, windows: windowsOf(time, shape) }]
  }
}

/** The output lines of each line of standard input. @throws Error for an invalid step, with its number. */
async function* replayed(spec: ReplaySpec): AsyncGenerator<object[]> {
  const replay = new Replay(spec)
  let number = 0
  for await (const line of createInterface({ input: process.stdin })) {
    number++
    if (line.trim() === '') continue
    let lines: object[]
    try {
      lines = replay.step(JSON.parse(line))
    } catch (cause) {
      throw new Error(`line ${number}: ${(cause as Error).message}`, { cause })
    }
    yield lines
  }
}

/** @returns whether more may be written at once. */
function print(lines: readonly object[]): boolean {
  return process.stdout.write(lines.map((line) => `${printableJson(line)}\n`).join(''))
}
