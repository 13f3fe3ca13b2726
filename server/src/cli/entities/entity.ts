import { Rights } from '../../access/index.ts'
import { openBus } from '../../bus/index.ts'
import type { Contract } from '../../config/contract/model.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { ERASE, parseVersion } from '../../entities/index.ts'
import { createReport } from '../../observability/defects.ts'
import { type CallerQueries, type EntityAnswer, failureOf, type HistoryEvent, Queries } from '../../queries/index.ts'
import { auditCommand } from '../deployment/audit-command.ts'
import { runningRedisUrl } from '../deployment/running-redis.ts'
import { printable, printableJson, printableTime } from '../terminal/printable.ts'
import { parseTime } from '../usage/time-option.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { sendCommand } from './entity-command.ts'
import { rebuildEntities } from './entity-rebuild.ts'
import { remainsOf } from './entity-remains.ts'
import { exportEntities, importEntities } from './entity-transfer.ts'

const CONNECT_DEADLINE_MS = 5_000
const DEFAULT_LIMIT = 100

export const usage = `tidegate entity list
tidegate entity show <name> <key> [--version n | --at <time>]
tidegate entity history <name> <key> [--after <version>] [--limit n]
tidegate entity find <name> <index> <value> [--limit n]
tidegate entity command <name> <key> <command> [<input as JSON>] [--id <id>] [--expect <version>]
tidegate entity erase <name> <key>
tidegate entity rebuild <name>
tidegate entity export <name> [<key>]
tidegate entity import <name> [<file>]

Looks at entities - keyed state that commands change by events -, sends them commands, erases, rebuilds, exports and imports them.

  list     the entities of the config: versions, commands, events, indexes
  show     the view of one entity as it is, as it was at a version, or as it was at a time
  history  its events, oldest first: version, time, type, command id, data. Data is what the entity shows of it
  find     the entities that have a value in an index
  command  stores a command, waits for its outcome and prints it. The exit code is 1 where it was rejected
  erase    removes events, state and index entries of one entity for good, and says what remains for how long
  rebuild  folds all entities of a name anew and rewrites states, index entries and latest published states that differ.
           Ends when it is done; the exit code is 1 where some could not be folded
  export   writes the events of one entity or of all to standard output as they are stored, secrets included, a line each
  import   stores such lines, from a file or standard input, in entities without events. What is there already stays

  --at       a date, a time with its zone, or how long ago (2026-11-23, 2026-11-23T12:00:00Z, 2h)
  --id       the same id with the same content is run once, however often it is sent
  --expect   the version that the entity must have: 3, or 3@1 as an answer says it; 0 for none yet
  --json     one JSON object a line
  --config   the config that runs; --data  folder of the \`tidegate start\` to ask, when REDIS_URL is not set

Examples:
  tidegate entity show user 42
  tidegate entity show user 42 --at 1h --json
  tidegate entity history order 4711 --limit 20
  tidegate entity find user email ann@example.org
  tidegate entity command user 42 changeEmail '{"email":"ann@example.org"}' --expect 3
  tidegate entity erase user 42
  tidegate entity rebuild user
  tidegate entity export user > users.ndjson
  tidegate entity import user users.ndjson
`

const OPTIONS = {
  version: { type: 'string' },
  at: { type: 'string' },
  after: { type: 'string' },
  limit: { type: 'string' },
  id: { type: 'string' },
  expect: { type: 'string' },
  json: { type: 'boolean', default: false },
  config: { type: 'string' },
  data: { type: 'string' },
} as const

type Flags = ReturnType<typeof parseArguments<typeof OPTIONS>>['values']

/** Resolves to the exit code. @throws UsageError, BusUnreachable */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, OPTIONS)
  const [action, ...names] = positionals
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  switch (action) {
    case 'list':
      expectNames(action, names, [])
      return list(contract, flags)
    case 'show':
      return show(contract, flags, expectNames(action, names, ['name', 'key']))
    case 'history':
      return history(contract, flags, expectNames(action, names, ['name', 'key']))
    case 'find':
      return find(contract, flags, expectNames(action, names, ['name', 'index', 'value']))
    case 'command':
      return command(contract, flags, names)
    case 'erase':
      auditCommand(readSettings(flags), spoken(action, names))
      return erase(contract, flags, expectNames(action, names, ['name', 'key']))
    case 'rebuild':
      auditCommand(readSettings(flags), spoken(action, names))
      return rebuild(contract, flags, expectNames(action, names, ['name']))
    case 'export':
      return exportAll(contract, flags, names)
    case 'import':
      auditCommand(readSettings(flags), spoken(action, names))
      return importAll(contract, flags, names)
    default:
      throw new UsageError(
        'say what to do: tidegate entity list, show, history, find, command, erase, rebuild, export or import',
      )
  }
}

function spoken(action: string, names: readonly string[]): string {
  return ['entity', action, ...names].join(' ')
}

function list({ entities }: Contract, { json }: Flags): number {
  for (const { name, keyField, version, commands, events, indexes } of entities.values()) {
    const members = { commands: [...commands.keys()], events: [...events.keys()], indexes: [...indexes.keys()] }
    if (json) say(printableJson({ name, key: keyField, version, ...members }))
    else {
      const lists = Object.entries(members).map(([what, all]) => `${what} ${all.join(', ') || 'none'}`)
      say(`${name} by ${keyField}, version ${version}: ${lists.join('; ')}`)
    }
  }
  return 0
}

function show(contract: Contract, flags: Flags, [name, key]: readonly string[]): Promise<number> {
  const at = flags.at === undefined ? {} : { at: parseTime('at', flags.at, Date.now()) }
  const version = flags.version === undefined ? {} : { version: flags.version }
  return ask(contract, flags, async ({ entities }) => {
    sayEntity(await entities.entity({ name, key, ...version, ...at }), flags)
    return 0
  })
}

function history(contract: Contract, flags: Flags, [name, key]: readonly string[]): Promise<number> {
  return ask(contract, flags, async ({ entities }) => {
    const { events, next } = await entities.history({
      name,
      key,
      limit: flags.limit ?? DEFAULT_LIMIT,
      ...(flags.after !== undefined && { after: flags.after }),
    })
    for (const event of events) say(flags.json ? printableJson(event) : eventLine(event))
    if (next !== undefined && !flags.json) say(`There are more: --after ${next}`)
    return 0
  })
}

function find(contract: Contract, flags: Flags, [name, index, value]: readonly string[]): Promise<number> {
  return ask(contract, flags, async ({ entities }) => {
    let left = Number(flags.limit ?? DEFAULT_LIMIT)
    for (let after: string | undefined; left > 0; ) {
      const page = await entities.find({ name, index, value, limit: left, ...(after !== undefined && { after }) })
      for (const entity of page.entities) {
        if ('view' in entity) sayEntity(entity, flags)
        else say(flags.json ? printableJson(entity) : `${printable(entity.key)}: ${printable(entity.failed)}`)
      }
      left -= page.entities.length
      after = page.next
      if (after === undefined) break
    }
    return 0
  })
}

async function command(contract: Contract, flags: Flags, names: readonly string[]): Promise<number> {
  const [name, key, commandName] = expectNames('command', names.slice(0, 3), ['name', 'key', 'command'])
  const expected = flags.expect === undefined ? undefined : parseVersion(flags.expect)
  if (flags.expect !== undefined && expected === undefined) {
    throw new UsageError(`--expect ${flags.expect}: say a version such as 3 or 3@1`)
  }
  const input = parseInput(names[3] ?? '{}')
  const url = await runningRedisUrl(readSettings(flags))
  const request = { entity: name!, key: key!, command: commandName!, input, ...(expected && { expected }) }
  const outcome = await sendCommand(url, contract, { ...request, ...(flags.id !== undefined && { id: flags.id }) })
  if (flags.json) say(printableJson(outcome))
  else if (outcome.status === 'done') {
    const events = outcome.events.map(({ type }) => type).join(', ') || 'no event'
    const answered = outcome.reply === undefined ? '' : ` ${printableJson(outcome.reply)}`
    say(`done: ${events}; version ${outcome.version}@${outcome.epoch}${answered}`)
  } else say(`rejected: ${printable(outcome.code)}: ${printable(outcome.message)}`)
  return outcome.status === 'done' ? 0 : 1
}

async function erase(contract: Contract, flags: Flags, [entity, key]: readonly string[]): Promise<number> {
  const url = await runningRedisUrl(readSettings(flags))
  const request = {
    entity: entity!,
    key: key!,
    command: ERASE,
    input: {},
    ...(flags.id !== undefined && { id: flags.id }),
  }
  const outcome = await sendCommand(url, contract, request, { isOperator: true })
  if (flags.json) say(printableJson(outcome))
  else if (outcome.status === 'rejected') say(`rejected: ${printable(outcome.code)}: ${printable(outcome.message)}`)
  else {
    say(`erased: ${printable(entity!)} ${printable(key!)}, version ${outcome.version}@${outcome.epoch}`)
    for (const line of remainsOf(contract, entity!)) say(line)
  }
  return outcome.status === 'done' ? 0 : 1
}

async function rebuild(contract: Contract, flags: Flags, [name]: readonly string[]): Promise<number> {
  return rebuildEntities(await runningRedisUrl(readSettings(flags)), contract, name!, flags)
}

async function exportAll(contract: Contract, flags: Flags, names: readonly string[]): Promise<number> {
  const [name, key] = names.length === 2 ? names : expectNames('export', names, ['name'])
  return exportEntities(await runningRedisUrl(readSettings(flags)), contract, name!, key)
}

async function importAll(contract: Contract, flags: Flags, names: readonly string[]): Promise<number> {
  const [name, file] = names.length === 2 ? names : expectNames('import', names, ['name'])
  return importEntities(await runningRedisUrl(readSettings(flags)), contract, name!, { file, json: flags.json })
}

function parseInput(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`the input is no JSON: ${(cause as Error).message}`)
  }
}

/** @throws with the message of what cannot be answered */
async function ask(
  contract: Contract,
  flags: Flags,
  body: (queries: CallerQueries) => Promise<number>,
): Promise<number> {
  const url = await runningRedisUrl(readSettings(flags))
  const { entities } = contract
  const bus = await openBus({ url, name: 'entity', channels: ['query'], waitMs: CONNECT_DEADLINE_MS, entities })
  const report = createReport(({ id, error }) => process.stderr.write(`${id}: ${printable(String(error))}\n`))
  try {
    return await body(new Queries(bus, contract, report).of(Rights.EVERYTHING))
  } catch (error) {
    const failure = failureOf(error)
    throw failure === undefined ? error : new Error(failure.message)
  } finally {
    bus.close()
  }
}

function sayEntity({ key, version, epoch, time, view }: EntityAnswer, { json }: Flags): void {
  if (json) say(printableJson({ key, version, epoch, time, view }))
  else say(`${printable(key)} version ${version}@${epoch} of ${printableTime(time)}: ${printableJson(view)}`)
}

function eventLine({ version, time, type, commandId, data, failed }: HistoryEvent): string {
  const shown = failed ?? (data === undefined ? undefined : printableJson(data))
  return `${version} ${printableTime(time)} ${printable(type)} ${printable(commandId)}${shown === undefined ? '' : ` ${shown}`}`
}

/** @throws {UsageError} unless there is one argument for each */
function expectNames(action: string, given: readonly string[], wanted: readonly string[]): readonly string[] {
  if (given.length === wanted.length) return given
  throw new UsageError(`say: tidegate entity ${action} ${wanted.map((name) => `<${name}>`).join(' ')}`.trimEnd())
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
