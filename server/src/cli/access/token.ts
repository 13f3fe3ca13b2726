import { mintToken } from '../../access/index.ts'
import { parseDuration } from '../../config/duration.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { printable } from '../terminal/printable.ts'
import { parseOptions, UsageError, understood } from '../usage/usage-error.ts'
import { describeGrants, GRANT_OPTIONS, GRANT_USAGE, readGrants, warnOfUncovered } from './grant-options.ts'

export const usage = `tidegate token --sub <subject> [--publish <topics>] [--subscribe <topics>] [--query <topics>] [--command <commands>] [--admin]
               [--claim <name>=<value>] [--ttl <duration>]

Mints a token for development: a JSON Web Token, signed with TIDEGATE_JWT_SECRET, with TIDEGATE_JWT_ISSUER and
TIDEGATE_JWT_AUDIENCE if they are set. Gateways with the same settings take it. In production your own service, or an
identity provider, issues tokens: docs/access.md.

  --sub                           whose token it is
${GRANT_USAGE}
  --claim                         a further claim, for rules of the config: JSON, or else text (tid=acme, level=3,
                                  'groups=["a","b"]'). May be said several times
  --ttl                           how long it is valid, 90 days at most (1h)
  --config                        the config that runs, which says what selectors cover

Examples:
  export TIDEGATE_JWT_SECRET=$(openssl rand -base64 32)
  tidegate token --sub ann --subscribe 'sensor.*' --query 'sensor.*'
  tidegate token --sub attic --publish 'sensor.reading:attic' --ttl 7d
  curl -H "authorization: Bearer $(tidegate token --sub ops --admin --ttl 5m)" http://127.0.0.1:8080/metrics
`

const DEFAULT_LIFE = '1h'

/** Resolves to the exit code. @throws UsageError */
export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    ...GRANT_OPTIONS,
    sub: { type: 'string' },
    claim: { type: 'string', multiple: true, default: [] },
    ttl: { type: 'string', default: DEFAULT_LIFE },
    config: { type: 'string' },
  })
  if (flags.sub === undefined) throw new UsageError('say whose token it is: --sub <subject>')
  const allowed = readGrants(flags)
  const request = { subject: flags.sub, claims: readClaims(flags.claim), allow: allowed.allow, lifeMs: life(flags.ttl) }
  const { jwtSecret, jwtIssuer, jwtAudience, jwtRightsClaim } = readSettings()
  if (jwtSecret === undefined) {
    throw new Error(
      'TIDEGATE_JWT_SECRET is not set. Make one, and start the gateways with the same: ' +
        'export TIDEGATE_JWT_SECRET=$(openssl rand -base64 32). Tokens of other keys are minted by those who have the private key.',
    )
  }
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const settings = { secret: jwtSecret, issuer: jwtIssuer, audience: jwtAudience, rightsClaim: jwtRightsClaim }
  const { text, id, expiresAt } = await understood(() => mintToken(settings, request, Date.now()))
  warnOfUncovered(allowed, contract)
  process.stderr.write(
    `Token ${id} of ${printable(flags.sub)}, until ${new Date(expiresAt).toISOString()}: ${describeGrants(allowed.allow)}.\n`,
  )
  process.stdout.write(`${text}\n`)
  return 0
}

function readClaims(texts: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
      if (name === undefined || value === undefined)
        throw new UsageError(`--claim ${printable(text)}: say <name>=<value>`)
      return [name, jsonOrText(value)]
    }),
  )
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function life(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new UsageError(`--ttl ${printable(text)}: say a duration such as 15m, 1h or 7d`)
  }
}
