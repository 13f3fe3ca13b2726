import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { readSettings } from '../../config/settings/settings.ts'
import { parseArguments, UsageError } from '../usage/usage-error.ts'
import { installDependencies, runWith } from './package-manager.ts'
import { CONSUMERS, type Consumer, Project } from './project.ts'

export const usage = `tidegate init [<folder>] [--page plain|react|node] [--no-install]

Begins a project in this folder or a new one: config, publisher, a consumer, and what installs them. Files that exist
are never changed.
  --page        the consumer: a page in plain TypeScript, one in React, or a program for Node (asked for, else plain)
  --no-install  do not install the dependencies

Examples:
  tidegate init
  tidegate init shop --page react
`

const COMMON_JS = `
This package.json makes programs CommonJS. Those of the guides await at the top, which takes "type": "module":

  npm pkg set type=module
`

const DEFAULT_CONSUMER: Consumer = 'plain'

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments(args, {
    page: { type: 'string' },
    'no-install': { type: 'boolean', default: false },
  })
  if (positionals.length > 1) throw new UsageError('init takes one folder')
  const folder = resolve(positionals[0] ?? '.')
  const { packageManager } = readSettings()
  const consumer = await consumerOf(values.page)
  const project = new Project(folder, consumer)
  await project.write()
  say(`In ${folder}: ${project.files.join(', ')}`)
  const commands = project.installCommands(packageManager)
  if (!values['no-install']) await installDependencies(folder, commands)
  say(nextSteps(project, values['no-install'] ? commands : [], positionals[0], runWith(packageManager)))
  return 0
}

/** @throws UsageError */
async function consumerOf(named: string | undefined): Promise<Consumer> {
  const text = named ?? (await asked())
  const consumer = CONSUMERS.find((name) => name === text)
  if (consumer === undefined) throw new UsageError(`--page ${text}: it must be ${CONSUMERS.join(', ')}`)
  return consumer
}

async function asked(): Promise<string> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return DEFAULT_CONSUMER
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await terminal.question(`Consumer - ${CONSUMERS.join(', ')} (${DEFAULT_CONSUMER}): `)
    return answer.trim() || DEFAULT_CONSUMER
  } finally {
    terminal.close()
  }
}

function nextSteps(
  { consumer, isCommonJs }: Project,
  install: readonly string[],
  folder: string | undefined,
  runs: string,
): string {
  const consume = consumer === 'node' ? 'tsx listen.ts' : 'vite'
  const steps = [
    ...(folder === undefined ? [] : [`cd ${folder}`]),
    ...install,
    `${runs} tidegate start`,
    `${runs} tsx publish.ts`,
    `${runs} ${consume}`,
  ]
  const next = `\nNext, the last three in a terminal each:\n\n${steps.map((step) => `  ${step}\n`).join('')}`
  return isCommonJs ? next + COMMON_JS : next
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
