import { type DeploymentFacts, readDeploymentFacts } from '../../bus/index.ts'
import { defaultConfigPath, isBuiltInConfig, loadConfig } from '../../config/load-config.ts'
import { readSettings, type Settings } from '../../config/settings/settings.ts'
import {
  bySeverity,
  deploymentFindings,
  type Examination,
  type Finding,
  machineFindings,
  redisFindings,
  takesWrites,
} from '../../doctor/index.ts'
import { privateRedisOf } from '../../supervisor/folder-lock.ts'
import { tlsFilesOf } from '../processes/tls-files.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { parseOptions } from '../usage/usage-error.ts'
import { readMachineFacts } from './machine-facts.ts'

export const usage = `tidegate doctor [--config <file>] [--data <folder>] [--json]

Looks for what would lose events or serve nobody, and says what to do about it: in the config, on this machine, in Redis (its
persistence, memory, rights, replicas, clock) and among the processes that run on it. It changes nothing. Ends with 1 if there
is an error, with 0 if there are only warnings and notes.

  --config  the config file (default: tidegate.config.ts here)
  --data    folder of the \`tidegate start\` to look at, when REDIS_URL is not set
  --json    one JSON object: { ok, examined: [{ of, findings: [{ code, severity, what, todo }] }] }

Examples:
  tidegate doctor
  REDIS_URL=redis://127.0.0.1:6379 TIDEGATE_ACK_REPLICAS=1 tidegate doctor
  tidegate doctor --json | jq '.examined[].findings[].code'
`

const WAIT_MS = 2_000

/** Resolves to the exit code. @throws UsageError */
export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    config: { type: 'string' },
    data: { type: 'string' },
    json: { type: 'boolean', default: false },
  })
  const settings = readSettings({ data: flags.data })
  const { hash, examination: config } = await examineConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const isPrivate = settings.redisUrl === undefined
  const examined = [
    config,
    {
      of: 'this machine',
      findings: machineFindings(
        await readMachineFacts(isPrivate ? settings.dataFolder : undefined, () => tlsFilesOf(settings)),
      ),
    },
    ...(await examineRedis(settings, hash)),
  ].map(({ of, findings }) => ({ of, findings: bySeverity(findings) }))
  const ok = examined.every(({ findings }) => findings.every(({ severity }) => severity !== 'error'))
  process.stdout.write(flags.json ? `${printableJson({ ok, examined })}\n` : report(examined))
  return ok ? 0 : 1
}

async function examineConfig(
  path: string,
): Promise<{ readonly hash: string | undefined; readonly examination: Examination }> {
  if (isBuiltInConfig(path)) {
    const what = 'There is no tidegate.config.ts here, so `tidegate start` would run the built-in demo.'
    const todo = 'In a project run this in its folder, or name its config by --config.'
    return { hash: undefined, examination: { of: 'config', findings: [finding('no-config', 'note', what, todo)] } }
  }
  const of = `config ${path}`
  try {
    return { hash: (await loadConfig(path)).contract.hash, examination: { of, findings: [] } }
  } catch (error) {
    const todo = 'Mend it: no process starts with it.'
    return {
      hash: undefined,
      examination: { of, findings: [finding('config-faulty', 'error', (error as Error).message, todo)] },
    }
  }
}

async function examineRedis(settings: Settings, contractHash: string | undefined): Promise<Examination[]> {
  const url = settings.redisUrl ?? (await privateRedisOf(settings.dataFolder))
  if (url === undefined) {
    const what = `REDIS_URL is not set, and no \`tidegate start\` runs on the data folder ${settings.dataFolder}: there is no Redis to look at.`
    const todo = 'Set REDIS_URL, name the folder by --data, or run `tidegate start`, which brings a Redis.'
    return [{ of: 'Redis', findings: [finding('no-redis', 'note', what, todo)] }]
  }
  let facts: DeploymentFacts
  try {
    facts = await readDeploymentFacts(url, WAIT_MS, settings.partitions)
  } catch (error) {
    const isWrong = (error as Error).message.startsWith('Redis cannot be used')
    const todo = isWrong
      ? 'Correct REDIS_URL: processes that start with it end at once.'
      : 'Processes that start now wait for it, and end in time (TIDEGATE_REDIS_WAIT_SECONDS).'
    return [{ of: 'Redis', findings: [finding('redis-unreachable', 'error', (error as Error).message, todo)] }]
  }
  const version = facts.info.get('redis_version')
  return [
    { of: version === undefined ? 'Redis' : `Redis ${version}`, findings: redisFindings(facts, settings.ackReplicas) },
    {
      of: `processes (${processesOf(facts)})`,
      findings: deploymentFindings(
        { ...facts, takesWrites: [facts, ...facts.others].every(takesWrites) },
        { partitions: settings.partitions, contractHash },
      ),
    },
  ]
}

/** How many there are, where they can say so. */
function processesOf(facts: DeploymentFacts): string {
  const isReadable = Object.keys(facts.lackingRights).length < 2
  const canSay = isReadable && [facts, ...facts.others].every(takesWrites)
  const count = (n: number, what: string, isUnknown: boolean) =>
    n === 0 && (isUnknown || !canSay) ? `unknown ${what}` : `${n} ${what}`
  const partitions = facts.partitions ?? (isReadable ? 'no' : 'unknown')
  return [
    count(
      facts.gateways.size,
      'gateways',
      facts.away.some(({ hasGateways }) => hasGateways),
    ),
    count(
      facts.workers.size,
      'workers',
      facts.away.some(({ hasWorkers }) => hasWorkers),
    ),
    `${partitions} partitions`,
  ].join(', ')
}

function finding(code: string, severity: Finding['severity'], what: string, todo: string): Finding {
  return { code, severity, what, todo }
}

function report(examined: readonly Examination[]): string {
  const counts = { error: 0, warning: 0, note: 0 }
  const lines: string[] = []
  for (const { of, findings } of examined) {
    lines.push(findings.length === 0 ? `${printable(of)}: nothing to mend` : `${printable(of)}:`)
    for (const { code, severity, what, todo } of findings) {
      counts[severity]++
      lines.push(`  ${severity} ${code}`, ...what.split('\n').map((line) => `    ${printable(line)}`))
      if (todo !== '') lines.push(`    -> ${printable(todo)}`)
    }
  }
  const { error, warning, note } = counts
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  const counted = [count(error, 'error'), count(warning, 'warning'), count(note, 'note')].join(', ')
  return `${lines.join('\n')}\n\n${counted}\n`
}
