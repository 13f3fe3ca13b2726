import { relative } from 'node:path'
import type { ConfigError, ConfigProblem } from '../config/config-error.ts'
import { contractDifferences, type Difference } from '../config/contract-differences.ts'
import { type DescribedContract, describeContract } from '../config/describe.ts'
import { defaultConfigPath, loadConfig } from '../config/load-config.ts'
import { runningContract } from './deployment/running-contract.ts'
import { faultPlace } from './fault-place.ts'
import { printable, printableJson } from './printable.ts'
import { withBus } from './running-bus.ts'
import { parseArguments, UsageError } from './usage-error.ts'

export const usage = `tidegate config check [--config <file>] [--json]
tidegate config diff [--config <file>] [--json] [--data <folder>]

Looks at a config before it is deployed.

  check  loads it and says everything that is wrong with it, with file and line. Types are checked by tsc, not here
  diff   compares it with what the processes on a Redis have, or had last: what differs, what becomes of what is stored, and in
         which order to deploy. The exit code is 0 if processes can be restarted one by one, 1 if all have to be stopped first

  --config  the config file (default: tidegate.config.ts here, else the built-in demo)
  --json    one JSON object
  --data    folder of the \`tidegate start\` to compare with, when REDIS_URL is not set

Examples:
  tidegate config check
  tidegate config diff
  REDIS_URL=redis://127.0.0.1:6379 tidegate config diff --config next.config.ts --json
`

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    config: { type: 'string' },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const [action, ...more] = positionals
  if (more.length > 0 || (action !== 'check' && action !== 'diff')) {
    throw new UsageError('say what to do: tidegate config check or diff')
  }
  const path = flags.config ?? defaultConfigPath(process.cwd())
  return action === 'check' ? check(path, flags.json) : diff(path, flags)
}

async function check(path: string, isJson: boolean): Promise<number> {
  const file = relative(process.cwd(), path)
  try {
    const contract = describeContract((await loadConfig(path)).contract)
    say(
      isJson
        ? printableJson({ ok: true, file, hash: contract.hash, problems: [] })
        : `${printable(file)}: ${summary(contract)}`,
    )
    return 0
  } catch (error) {
    const problems = problemsOf(error as Error, path)
    if (isJson) say(printableJson({ ok: false, file, hash: null, problems }))
    else for (const problem of problems) process.stderr.write(`${problemLine(problem, file)}\n`)
    return 1
  }
}

function summary({ hash, topics, entities }: DescribedContract): string {
  const kinds = new Map<string, number>()
  for (const { kind } of topics) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  const counts = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')
  return `${topics.length} topics (${counts}), ${entities.length} entities, contract ${hash}`
}

type Problem = Pick<ConfigProblem, 'topic' | 'message' | 'place'> & { readonly code: string }

function problemsOf(error: Error, path: string): readonly Problem[] {
  // Not by its class: the config may have loaded another copy of the package.
  if (error.name === 'ConfigError') return (error as ConfigError).problems
  return [{ code: 'not_loaded', topic: 'config', message: error.message, place: faultPlace(error, path) }]
}

function problemLine({ code, topic, message, place }: Problem, file: string): string {
  return printable(`${place ?? file}: ${topic}: ${message} [${code}]`)
}

async function diff(
  path: string,
  flags: { readonly json: boolean; readonly data?: string | undefined },
): Promise<number> {
  const here = describeContract((await loadConfig(path)).contract)
  const { running, isRunning } = await withBus(flags, 'config', async (bus) => ({
    running: await runningContract(bus),
    isRunning: (await bus.runningContract()) !== undefined,
  }))
  if (running === undefined)
    throw new Error('no gateway or worker that says its config has run on this Redis: start with it')
  const differences = contractDifferences(running, here)
  const isCompatible = running.hash === here.hash
  if (flags.json) say(printableJson({ running: running.hash, here: here.hash, isRunning, isCompatible, differences }))
  else for (const line of report(differences, { running, here, isRunning, isCompatible })) say(printable(line))
  return isCompatible ? 0 : 1
}

interface Compared {
  readonly running: DescribedContract
  readonly here: DescribedContract
  readonly isRunning: boolean
  readonly isCompatible: boolean
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const

function report(differences: readonly Difference[], compared: Compared): string[] {
  const { running, here, isRunning } = compared
  const lines = differences.flatMap(({ of, name, change, fields, isAgreed, effect }) => [
    `${SIGNS[change]} ${of} ${name}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}${isAgreed ? '' : ' (compatible)'}`,
    ...(effect === '' ? [] : [`    ${effect}`]),
  ])
  return [
    `${isRunning ? 'running' : 'ran last'}: contract ${running.hash}; here: ${here.hash}`,
    ...lines,
    advice(differences, compared),
  ]
}

function advice(differences: readonly Difference[], { isRunning, isCompatible }: Compared): string {
  if (!isCompatible) {
    return isRunning
      ? 'Incompatible: gateways and workers have to agree on it. Stop the gateways, then the workers; start workers, then gateways.'
      : 'Nothing runs, so that processes can be started with it: workers first, then gateways.'
  }
  if (differences.length === 0)
    return 'Nothing differs but, possibly, functions, priorities and access: restart gateways and workers one by one.'
  return 'Compatible: restart workers, then gateways, one by one.'
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
