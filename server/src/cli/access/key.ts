import { addKey, callerOf, type ListedKey, listKeys, revokeKeys } from '../../access/index.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { auditCommand } from '../deployment/audit-command.ts'
import { printable, printableJson, printableTime } from '../terminal/printable.ts'
import { parseArguments, UsageError, understood } from '../usage/usage-error.ts'
import { describeGrants, GRANT_OPTIONS, GRANT_USAGE, readGrants, warnOfUncovered } from './grant-options.ts'
import { withAccess } from './running-access.ts'

export const usage = `tidegate key create <name> [--publish <topics>] [--subscribe <topics>] [--query <topics>] [--command <commands>] [--admin]
                    [--beside]
tidegate key list [--json]
tidegate key revoke <id or name>

API keys, for machines: they count until they are revoked. A client shows one in place of a token. Gateways know a change
within a second.

  create  prints the key, once: only a hash of it is kept
  list    id, name, what the key itself allows - rules of the config may add to it - and when it was created
  revoke  removes the key with an id, or all with a name, and ends their connections

${GRANT_USAGE}
  --beside  the name has a key already. Both are the same caller: create, hand out, revoke the first by its id
  --json    one JSON object a line
  --config  the config that runs; --data  folder of the \`tidegate start\` to ask, when REDIS_URL is not set

Examples:
  tidegate key create till-3 --publish shop.payment --subscribe 'shop.*'
  tidegate key create collector --publish 'sensor.*' > collector.key
  tidegate key create dashboard --subscribe '>' --query '>'
  tidegate key list
  tidegate key revoke till-3
`

const OPTIONS = {
  ...GRANT_OPTIONS,
  beside: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  config: { type: 'string' },
  data: { type: 'string' },
} as const

type Flags = ReturnType<typeof parseArguments<typeof OPTIONS>>['values']

/** Resolves to the exit code. @throws UsageError, BusUnreachable */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, OPTIONS)
  const [action, name, ...more] = positionals
  if (more.length > 0) throw new UsageError(`Unexpected argument '${printable(more[0]!)}'`)
  switch (action) {
    case 'create':
      if (name === undefined) throw new UsageError('say whose key it is: tidegate key create <name>')
      return create(name, flags)
    case 'list':
      if (name !== undefined) throw new UsageError(`Unexpected argument '${printable(name)}'`)
      return list(flags)
    case 'revoke':
      if (name === undefined) throw new UsageError('say which one: tidegate key revoke <id or name>')
      return revoke(name, flags)
    default:
      throw new UsageError('say what to do: tidegate key create, list or revoke')
  }
}

async function create(name: string, flags: Flags): Promise<number> {
  const allowed = readGrants(flags)
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const { text, id } = await withAccess(flags, (store, now) =>
    understood(() => addKey(store, { name, allow: allowed.allow, isBeside: flags.beside }, now)),
  )
  auditCommand(readSettings({ data: flags.data }), `key create ${name} (${id})`, 'key_created')
  warnOfUncovered(allowed, contract)
  if (callerOf({ kind: 'key', id, name, grants: allowed.grants }, contract.access.rules).rights.isEmpty) {
    note('Warning: it may do nothing: it was given nothing, and no rule of the config is for keys.')
  }
  note(`Key ${id} of ${name}: ${describeGrants(allowed.allow)}. Keep it now: it is not shown again.`)
  say(text)
  return 0
}

async function list(flags: Flags): Promise<number> {
  const keys = await withAccess(flags, (store) => listKeys(store))
  for (const key of keys) say(flags.json ? jsonOf(key) : lineOf(key))
  if (keys.length === 0 && !flags.json) note('There are no keys.')
  return 0
}

async function revoke(idOrName: string, flags: Flags): Promise<number> {
  const removed = await withAccess(flags, (store, now) => revokeKeys(store, idOrName, now))
  if (removed.length === 0) throw new Error(`there is no key ${printable(idOrName)}. See: tidegate key list`)
  for (const { id, name } of removed)
    auditCommand(readSettings({ data: flags.data }), `key revoke ${name} (${id})`, 'revoked')
  for (const key of removed) say(flags.json ? jsonOf(key) : `revoked: ${lineOf(key)}`)
  if (!flags.json) note('Every gateway refuses it within a second, and ends its connections.')
  return 0
}

function lineOf({ id, name, allow, createdAt }: ListedKey): string {
  return `${id} ${printable(name)} of ${printableTime(createdAt)}: ${describeGrants(allow)}`
}

function jsonOf({ id, name, allow, createdAt }: ListedKey): string {
  return printableJson({ id, name, allow, createdAt })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function note(line: string): void {
  process.stderr.write(`${line}\n`)
}
