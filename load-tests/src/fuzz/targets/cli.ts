import fc from 'fast-check'
import { printable, printableJson, printableTime } from '../../../../server/src/cli/terminal/printable.ts'
import { parseTime } from '../../../../server/src/cli/usage/time-option.ts'
import { UsageError } from '../../../../server/src/cli/usage/usage-error.ts'
import { Replay } from '../../../../server/src/cli/windows/replay.ts'
import { readReplaySpec } from '../../../../server/src/cli/windows/replay-spec.ts'
import { parseDuration } from '../../../../server/src/config/duration.ts'
import { parseRedisAddress } from '../../../../server/src/redis-address.ts'
import { withoutSecrets } from '../../../../server/src/secrets.ts'
import { edited, jsonTexts } from '../json-text.ts'
import { NASTY_TEXTS } from '../nasty.ts'
import { must, target } from '../target.ts'

interface CliInput {
  readonly option: string
  /** JSON of a spec, and of the steps that follow. */
  readonly spec: string
  readonly steps: readonly string[]
}

const option = fc.oneof(
  fc.constantFrom(
    '2026-11-23',
    '2026-02-30',
    '2026-11-23T12:00:00.5Z',
    '24h',
    '0s',
    '-6h',
    'earliest',
    'redis://a:b@h:1/0',
    'rediss://h',
  ),
  edited(
    fc.constantFrom(
      '2026-11-23T12:00:00+01:00',
      '7d',
      'redis://user:secret@localhost:6379/1',
      'rediss+sentinel://user:secret@a:1,[::1]/main/1?ca=f&sentinelPassword=p&nat=a:1=b:2,c:3=d:4',
    ),
  ),
  fc.constantFrom(...NASTY_TEXTS, 'a-'.repeat(30_000), 'a://'.repeat(16_000), '1'.repeat(65_536)),
)
const duration = fc.constantFrom('10s', '1m', 1_000, 1, 0, '0s', 1e14)
const spec = fc.record(
  {
    type: fc.constantFrom('tumbling', 'hopping', 'session'),
    size: duration,
    slide: duration,
    gap: duration,
    offset: duration,
    outOfOrderness: duration,
    allowedLateness: duration,
    accumulation: fc.constantFrom('accumulating', 'discarding'),
    emit: fc.constantFrom('close', { every: '5s' }),
    watermarks: fc.constantFrom('bounded', 'explicit'),
    aggregate: fc.constantFrom(
      'count',
      'sum',
      'distinct',
      'list',
      { fn: 'topK', k: 2 },
      { fn: 'quantiles', at: [0.5] },
      { mean: 'avg', peak: { max: 'a' } },
    ),
  },
  { requiredKeys: ['type', 'aggregate'] },
)
const rightSpec = fc.constantFrom<unknown>(
  { type: 'tumbling', size: '10s', aggregate: 'sum' },
  { type: 'hopping', size: '1m', slide: '20s', aggregate: 'count', emit: { every: '5s' }, outOfOrderness: '1s' },
  { type: 'session', gap: '5s', aggregate: 'list', allowedLateness: '1m', accumulation: 'discarding' },
  { type: 'tumbling', size: 1_000, aggregate: { fn: 'topK', k: 2 }, watermarks: 'explicit' },
)
const time = fc.oneof(fc.nat({ max: 100_000 }), fc.constantFrom(8.64e15, -8.64e15, 8.64e15 + 1))
const replayEvent = fc.record(
  {
    key: fc.constantFrom('a', 'b', '__proto__'),
    time,
    value: fc.oneof(fc.nat(), fc.constantFrom('x', 1e308, null)),
    source: fc.constantFrom('s', 't'),
  },
  { requiredKeys: ['key', 'time', 'value'] },
)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ event: replayEvent }) as fc.Arbitrary<unknown> },
  fc.record({ bundle: fc.array(replayEvent, { maxLength: 4 }) }),
  fc.record({ watermark: time, source: fc.constantFrom('s') }, { requiredKeys: ['watermark'] }),
  fc.record({ clock: time }),
  fc.constantFrom({ idle: true }, { idle: 's' }, { snapshot: true }, { end: true }),
)

/** What stands on a command line, and what is read from standard input. */
export default target<CliInput>({
  name: 'cli',
  inputs: fc.record({
    option,
    spec: jsonTexts(fc.oneof({ weight: 3, arbitrary: rightSpec }, spec)),
    steps: fc.array(jsonTexts(step), { maxLength: 6 }),
  }),
  run(input) {
    refusing(
      () => must(Number.isSafeInteger(parseTime('from', input.option, 1_732_350_000_000)), 'a time is no number'),
      UsageError,
    )
    refusing(() => parseDuration(input.option), RangeError)
    refusing(() => parseRedisAddress(input.option), RangeError)
    printable(withoutSecrets(input.option))
    refusing(() => replay(input), Error)
  },
  covers: [
    'server/src/cli/usage/time-option.ts',
    'server/src/cli/windows/replay-spec.ts',
    'server/src/cli/windows/replay-aggregates.ts',
    'server/src/cli/windows/replay.ts',
    'server/src/cli/terminal/printable.ts',
    'server/src/config/duration.ts',
    'server/src/redis-address.ts',
    'server/src/secrets.ts',
  ],
})

function replay({ spec: json, steps }: CliInput): void {
  // Anything else would name a file.
  if (!/^\s*[{[]/.test(json)) return
  const spec = readReplaySpec(json)
  // Tens of thousands of panes of one event take as long as they take.
  if (spec.window.type === 'hopping' && spec.window.sizeMs / spec.window.slideMs > MAX_PANES) return
  const driver = new Replay(spec)
  for (const line of steps) {
    refusing(() => {
      for (const written of driver.step(parsed(line))) printableJson(written)
    }, Error)
  }
  printableTime(Number(json))
}

/** Text that is no JSON is refused before it is a step. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new Error('no JSON', { cause })
  }
}

/** Takes an error that people are shown; a `TypeError` for instance is none. */
function refusing(body: () => unknown, kind: new (...args: never[]) => Error): void {
  try {
    body()
  } catch (error) {
    if ((error as Error).constructor === kind || KNOWN.has((error as Error).constructor.name)) return
    throw error
  }
}

/** Of an event. */
const MAX_PANES = 1_000
const KNOWN: ReadonlySet<string> = new Set(['UsageError', 'ConfigError', 'TopicProblem'])
