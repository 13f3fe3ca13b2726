import { listKeys, type Revoked, revoke } from '../../access/index.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { auditCommand } from '../deployment/audit-command.ts'
import { printable, printableJson, printableTime } from '../terminal/printable.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { withAccess } from './running-access.ts'

export const usage = `tidegate revoke <subject> [--days <n>]
tidegate revoke --id <jti> [--days <n>]

Revokes tokens and client certificates before they expire: all that a subject has, or a single token. Every gateway refuses them within a second, and
ends the connections and streams they opened. Tokens that are issued to the subject later count: whoever issues them has to
stop too. API keys: tidegate key revoke.

  --id      the \`jti\` of one token
  --days    how long it is kept at least, 90 unless more is said: for as long as certificates of the subject are valid
  --json    a JSON object
  --data    folder of the \`tidegate start\` to ask, when REDIS_URL is not set

Examples:
  tidegate revoke ann
  tidegate revoke --id 0b6e4c1e-6c0c-4b7e-9d0a-0e6a4c9f7a55
  REDIS_URL=redis://127.0.0.1:6379 tidegate revoke ann --json
`

/** Longest subject or id of a token that is taken. */
const MAX_CHARS = 1_024

/** Resolves to the exit code. @throws UsageError, BusUnreachable */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    id: { type: 'string' },
    days: { type: 'string' },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const revoked = readRevoked(positionals, flags.id)
  const days = flags.days === undefined ? undefined : readDays(flags.days)
  const { record, isKey } = await withAccess(flags, async (store, now) => ({
    record: await revoke(store, revoked, now, days),
    isKey: revoked.kind === 'sub' && (await listKeys(store)).some(({ name }) => revoked.subject === `key:${name}`),
  }))
  const about = revoked.kind === 'sub' ? revoked.subject : `--id ${revoked.id}`
  auditCommand(readSettings({ data: flags.data }), `revoke ${about}`, 'revoked')
  if (isKey) process.stderr.write('Warning: an API key is called so too, and still counts: tidegate key revoke.\n')
  if (flags.json) say(printableJson({ revoked, at: record.at, until: record.until }))
  else {
    say(
      revoked.kind === 'sub'
        ? `revoked: tokens of ${printable(revoked.subject)} issued until ${printableTime(record.at)}, and certificates. Later ones count.`
        : `revoked: token ${printable(revoked.id)}. Others of its subject count.`,
    )
    say('Every gateway refuses them within a second, and ends the connections and streams they opened.')
  }
  return 0
}

function readRevoked([subject, ...more]: readonly string[], id: string | undefined): Revoked {
  if ((subject === undefined) === (id === undefined) || more.length > 0) {
    throw new UsageError('say a subject, or --id and the id of one token')
  }
  const text = id ?? subject!
  if (text === '' || text.length > MAX_CHARS) throw new UsageError(`say 1 to ${MAX_CHARS} characters`)
  return id === undefined ? { kind: 'sub', subject: subject! } : { kind: 'jti', id }
}

/** Certificates of devices are valid for decades. */
const MAX_DAYS = 36_500

function readDays(text: string): number {
  const days = Number(text)
  if (/^\d+$/.test(text) && days >= 1 && days <= MAX_DAYS) return days
  throw new UsageError(`--days: say a whole number from 1 to ${MAX_DAYS}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
