import { relative } from 'node:path'
import { claimOf } from '../../config/changes/claim.ts'
import type { Rollout } from '../../config/changes/contract-changes.ts'
import {
  contractDifferences,
  type Difference,
  type Relation,
  relationOf,
} from '../../config/changes/contract-differences.ts'
import { type DescribedContract, describeContract } from '../../config/changes/describe.ts'
import type { ConfigError, ConfigProblem } from '../../config/config-error.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { withBus } from '../deployment/running-bus.ts'
import { runningContract } from '../deployment/running-contract.ts'
import { printable, printableJson } from '../terminal/printable.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { faultPlace } from './fault-place.ts'

export const usage = `tidegate config check [--config <file>] [--json]
tidegate config diff [--config <file>] [--json] [--data <folder>]
tidegate config accept [--config <file>] [--data <folder>]

Looks at a config before it is deployed, and takes one back.

  check  loads it and says everything that is wrong with it, with file and line. Types are checked by tsc, not here
  diff   compares it with what the processes on a Redis have, or had last: what differs, what becomes of what is stored, and in
         which order to deploy. The exit code is 0 if processes can be replaced one by one, 1 if all have to be stopped first
  accept makes it the config to run, where what runs has more than it, or where it was taken back before. Then start workers
         with it, and gateways after them. A process with the config that was taken back is refused

  --config  the config file (default: tidegate.config.ts here, else the built-in demo)
  --json    one JSON object
  --data    folder of the \`tidegate start\` to compare with, when REDIS_URL is not set

Examples:
  tidegate config check
  tidegate config diff
  REDIS_URL=redis://127.0.0.1:6379 tidegate config diff --config next.config.ts --json
  tidegate config accept --config before.config.ts
`

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(args, {
    config: { type: 'string' },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const [action, ...more] = positionals
  const path = flags.config ?? defaultConfigPath(process.cwd())
  switch (more.length === 0 && action) {
    case 'check':
      return check(path, flags.json)
    case 'diff':
      return diff(path, flags)
    case 'accept':
      return accept(path, flags)
    default:
      throw new UsageError('say what to do: tidegate config check, diff or accept')
  }
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
    isRunning: (await bus.contract())?.isRunning === true,
  }))
  if (running === undefined) throw new Error(NOTHING_HAS_RUN)
  const differences = contractDifferences(running, here)
  const relation = relationOf(here, running)
  const rollout = relation === 'same' ? 'free' : relation === 'newer' ? 'rolling' : 'stop'
  const compared = { running, here, isRunning, rollout, relation } as const
  if (flags.json) {
    const isCompatible = rollout !== 'stop'
    say(printableJson({ running: running.hash, here: here.hash, isRunning, isCompatible, rollout, differences }))
  } else for (const line of report(differences, compared)) say(printable(line))
  return rollout === 'stop' ? 1 : 0
}

const NOTHING_HAS_RUN = 'no gateway or worker that says its config has run on this Redis: start with it'

async function accept(path: string, flags: { readonly data?: string | undefined }): Promise<number> {
  const { contract } = await loadConfig(path)
  const here = describeContract(contract)
  return withBus(flags, 'config', async (bus) => {
    const running = await runningContract(bus)
    if (running === undefined) throw new Error(NOTHING_HAS_RUN)
    const differences = contractDifferences(running, here)
    const relation = relationOf(here, running)
    const why = whyNot(relation, differences)
    if (why !== undefined) throw new Error(why)
    const { hash, record } = claimOf(contract)
    if (!(await bus.decideContract({ hash, record, isBack: relation === 'older' })))
      throw new Error('another config came in meanwhile: look again')
    const removed = differences.filter(({ change }) => change === 'removed').map(({ of, name }) => `${of} ${name}`)
    const without = removed.length === 0 ? '' : `, without ${removed.join(', ')}`
    say(printable(`Contract ${hash} is the one to run${without}. Start workers with it, then gateways.`))
    return 0
  })
}

function whyNot(relation: Relation, differences: readonly Difference[]): string | undefined {
  if (relation === 'apart')
    return 'the two cannot run side by side: tidegate config diff says why, and how to deploy it. Nothing has changed'
  const entities = differences.filter(({ of, change }) => of === 'entity' && change === 'removed')
  if (entities.length === 0) return undefined
  const names = entities.map(({ name }) => name).join(', ')
  return `commands to ${names} may wait for an answer, which workers with this config cannot give. ${STOP_ALL} Nothing has changed`
}

interface Compared {
  readonly running: DescribedContract
  readonly here: DescribedContract
  readonly isRunning: boolean
  readonly rollout: Rollout
  readonly relation: Relation
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const
const NOTES: Readonly<Record<Rollout, string>> = { free: ' (compatible)', rolling: ' (rolling)', stop: '' }

function report(differences: readonly Difference[], compared: Compared): string[] {
  const { running, here, isRunning } = compared
  const lines = differences.flatMap(({ of, name, change, fields, rollout, effect }) => [
    `${SIGNS[change]} ${of} ${name}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}${NOTES[rollout]}`,
    ...(effect === '' ? [] : [`    ${effect}`]),
  ])
  return [
    `${isRunning ? 'running' : 'ran last'}: contract ${running.hash}; here: ${here.hash}`,
    ...lines,
    advice(differences, compared),
  ]
}

const STOP_ALL = 'Stop the gateways, then the workers; start workers, then gateways.'

function advice(differences: readonly Difference[], { isRunning, rollout, relation }: Compared): string {
  switch (rollout) {
    case 'free':
      return differences.length === 0
        ? 'Nothing differs but, possibly, functions, priorities and access: restart gateways and workers one by one.'
        : 'Compatible: restart workers, then gateways, one by one.'
    case 'rolling':
      return 'Rolling: replace workers, then gateways, one by one. Clients that use what is new come last.'
    case 'stop':
      if (relation === 'older')
        return 'What runs has more. To take that back: tidegate config accept; then replace workers, then gateways, one by one.'
      return isRunning
        ? `Incompatible: gateways and workers have to agree on it. ${STOP_ALL}`
        : 'Nothing runs, so that processes can be started with it: workers first, then gateways.'
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
