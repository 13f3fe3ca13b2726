import { LIMITS, type RejectedEvent } from '@tidegate/protocol'
import { readSettings } from '../../config/settings/settings.ts'
import { isRecord } from '../../json-fields.ts'
import { localUrl } from '../../local-url.ts'
import { type NumberedLine, numberedLines } from '../terminal/numbered-lines.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { ProgressLine } from '../terminal/progress-line.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { EventSender } from './event-sender.ts'
import { withPauses } from './with-pauses.ts'

export const usage = `tidegate publish <topic> [--data <json>] [--key <key>] [--url <address>] [--json]

Publishes through a gateway and ends when everything is stored. Without --data it reads standard input, the data of one event a
line, and publishes lines as they come. A batch without an answer is sent again, for a minute at most, and stored once. Ends with 1
if something was not stored. Where callers are asked who they are, it shows the token or API key in TIDEGATE_TOKEN.

  --data  the data of one event, as JSON
  --key   fills the field that the topic has as its key
  --url   address of the gateway (default: the local one at TIDEGATE_PORT)
  --json  one JSON object a line: { line, code, message, path? } of what was refused, at last { stored, refused }

Examples:
  tidegate publish sensor.reading --data '{"sensorId":"attic","temperature":21.5}'
  tidegate publish sensor.reading --key attic --data '{"temperature":21.5}'
  TIDEGATE_TOKEN=$(cat collector.key) tidegate publish sensor.reading --url https://events.example.org < readings.ndjson
`

const BATCH_EVENTS = 500
/** UTF-16 units of the lines of a batch, so that any of them fits into a request. */
const BATCH_CHARS = LIMITS.frameBytes / 8
const QUIET_MS = 1_000
/** Input that comes more slowly is not gathered: a request for each line costs nobody much then. */
const PAUSE_MS = 20

/** Resolves to the exit code. @throws UsageError, Error */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    data: { type: 'string' },
    key: { type: 'string' },
    url: { type: 'string' },
    json: { type: 'boolean', default: false },
  })
  const [topic, ...more] = positionals
  if (topic === undefined || more.length > 0) throw new UsageError('say one topic: tidegate publish <topic>')
  const { host, port, token, tlsCert } = readSettings()
  const url = flags.url ?? localUrl(tlsCert === undefined ? 'http' : 'https', host, port)
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new UsageError('--url: it must be an address like http://127.0.0.1:8080')
  }
  if (flags.data !== undefined && !isJson(flags.data)) throw new UsageError('--data: it is no JSON')
  const sender = new EventSender(url, token, sayWhatFor)
  const keyed = flags.key === undefined ? undefined : { field: await sender.keyField(topic), key: flags.key }
  const publishing = new Publishing(sender, topic, keyed, flags.json)
  const lines =
    flags.data === undefined
      ? withPauses(numberedLines(process.stdin, LIMITS.frameBytes / 2), PAUSE_MS)
      : [{ number: 1, text: flags.data }]
  return publishing.all(lines)
}

function sayWhatFor(why: string, seconds: number): void {
  process.stderr.write(`${printable(why)} Tried again for ${seconds} s at most.\n`)
}

interface Keyed {
  /** Path of the field, its names separated by dots. */
  readonly field: string
  readonly key: string
}

interface RefusedLine {
  readonly line: number
  readonly code: string
  readonly message: string
  /** The field of the data that does not fit. */
  readonly path?: string | undefined
}

/** Sends lines in batches, one after the other, so that events of a key stay in order. */
class Publishing {
  readonly #sender: EventSender
  readonly #topic: string
  readonly #keyed: Keyed | undefined
  readonly #isJson: boolean
  readonly #progress = new ProgressLine(process.stderr, QUIET_MS)
  #batch: { readonly line: number; readonly data: unknown }[] = []
  /** Lines among those of the batch that cannot be sent. */
  #unreadable: RefusedLine[] = []
  #chars = 0
  #stored = 0
  #refused = 0

  constructor(sender: EventSender, topic: string, keyed: Keyed | undefined, isJson: boolean) {
    this.#sender = sender
    this.#topic = topic
    this.#keyed = keyed
    this.#isJson = isJson
  }

  /** @param lines and pauses between them */
  async all(lines: AsyncIterable<NumberedLine | undefined> | Iterable<NumberedLine>): Promise<number> {
    try {
      for await (const line of lines) await (line === undefined ? this.#send() : this.#take(line))
      await this.#send()
    } finally {
      this.#progress.end()
      const counts = { stored: this.#stored, refused: this.#refused }
      say(this.#isJson ? printableJson(counts) : `${counts.stored} stored, ${counts.refused} refused`)
    }
    return this.#refused === 0 ? 0 : 1
  }

  async #take({ number, text }: NumberedLine): Promise<void> {
    const isFull = this.#batch.length + this.#unreadable.length === BATCH_EVENTS
    if (isFull || this.#chars + text.length > BATCH_CHARS) await this.#send()
    this.#chars += text.length
    if (!isJson(text)) {
      this.#unreadable.push({ line: number, code: 'invalid_frame', message: 'The line is no JSON.' })
      return
    }
    const data: unknown = JSON.parse(text)
    this.#batch.push({ line: number, data: this.#keyed === undefined ? data : withKey(data, this.#keyed) })
  }

  async #send(): Promise<void> {
    const batch = this.#batch
    const refused = this.#unreadable
    this.#batch = []
    this.#unreadable = []
    this.#chars = 0
    const rejected = batch.length === 0 ? [] : await this.#answered(batch)
    refused.push(...rejected.map(({ index, ...refusal }) => ({ line: batch[index]!.line, ...refusal })))
    this.#stored += batch.length - rejected.length
    this.#refused += refused.length
    for (const one of refused.sort((a, b) => a.line - b.line)) this.#report(one)
    this.#progress.show(`${this.#stored} stored, ${this.#refused} refused`)
  }

  /** @throws Error that says from which line on nothing was stored */
  async #answered(
    batch: readonly { readonly line: number; readonly data: unknown }[],
  ): Promise<readonly RejectedEvent[]> {
    try {
      return await this.#sender.send(
        this.#topic,
        batch.map(({ data }) => data),
      )
    } catch (error) {
      throw new Error(`line ${batch[0]!.line} and those after it: ${(error as Error).message}`, { cause: error })
    }
  }

  #report(refused: RefusedLine): void {
    const { line, code, message, path } = refused
    if (this.#isJson) say(printableJson(refused))
    else
      process.stderr.write(
        `line ${line}: ${code}${path === undefined ? '' : ` (${printable(path)})`}: ${printable(message)}\n`,
      )
  }
}

function withKey(data: unknown, { field, key }: Keyed): unknown {
  if (!isRecord(data)) return data
  const [name, ...below] = field.split('.')
  const inner = data[name!] ?? {}
  return { ...data, [name!]: below.length === 0 ? key : withKey(inner, { field: below.join('.'), key }) }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const say = (line: string) => process.stdout.write(`${line}\n`)
