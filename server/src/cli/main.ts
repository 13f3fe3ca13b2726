import { didYouMean } from '@tidegate/protocol'
import { version } from '../package-files.ts'
import { withoutSecrets } from '../secrets.ts'
import { printable, printableJson } from './terminal/printable.ts'
import type { Commands } from './usage/command.ts'
import { UsageError } from './usage/usage-error.ts'
import { usageWords } from './usage/usage-words.ts'

export const COMMANDS: Commands = {
  init: { summary: 'begin a project: config, publisher, page', load: () => import('./project/init.ts') },
  start: {
    summary: 'everything on this machine: Redis, gateway, worker, demo',
    load: () => import('./processes/start.ts'),
  },
  gateway: { summary: 'one gateway on the Redis at REDIS_URL', load: () => import('./processes/gateway.ts') },
  worker: { summary: 'one worker on the Redis at REDIS_URL', load: () => import('./processes/worker.ts') },
  single: { summary: 'one gateway and one worker in one process', load: () => import('./processes/single.ts') },
  demo: { summary: 'publish simulated sensors and a shop to a gateway', load: () => import('./processes/demo.ts') },
  contract: {
    summary: 'print the contract of a config for other repositories',
    load: () => import('./project/contract.ts'),
  },
  status: {
    summary: 'a deployment on one screen: processes, owners, lag, Redis',
    load: () => import('./inspect/status.ts'),
  },
  tail: { summary: 'the events of a topic as they are stored', load: () => import('./events/tail.ts') },
  publish: { summary: 'publish events from the command line or a file', load: () => import('./events/publish.ts') },
  config: { summary: 'check a config, or compare it with the running one', load: () => import('./project/config.ts') },
  topics: { summary: 'the topics, and what is stored of each', load: () => import('./inspect/topics.ts') },
  lag: { summary: 'what is stored and not computed yet', load: () => import('./inspect/lag.ts') },
  doctor: { summary: 'look for what would lose events or serve nobody', load: () => import('./inspect/doctor.ts') },
  backup: { summary: 'write all that is stored into a file, while it runs', load: () => import('./storage/backup.ts') },
  restore: { summary: 'put back what a backup holds', load: () => import('./storage/restore.ts') },
  partitions: {
    summary: 'divide the partitions of stored data into more',
    load: () => import('./storage/partitions.ts'),
  },
  'dead-letter': {
    summary: 'look at events whose code threw, and try them again',
    load: () => import('./events/dead-letter.ts'),
  },
  entity: {
    summary: 'look at entities, send them commands, export and import them',
    load: () => import('./entities/entity.ts'),
  },
  key: { summary: 'API keys for machines: create, list, revoke', load: () => import('./access/key.ts') },
  token: { summary: 'mint a token for development', load: () => import('./access/token.ts') },
  revoke: { summary: 'revoke the tokens of a subject, or one token', load: () => import('./access/revoke.ts') },
  completion: {
    summary: 'complete commands and options in bash, zsh or fish',
    load: () => import('./usage/completion.ts'),
  },
  window: {
    summary: 'try a window offline: replay, assign; or fill its past: backfill',
    load: () => import('./windows/window.ts'),
  },
}

const USAGE = `tidegate <command> [options]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(13)}${summary}`)
  .join('\n')}

Examples:
  tidegate init
  tidegate start
  tidegate start --port 9000 --workers 2 --config tidegate.config.ts
  REDIS_URL=redis://127.0.0.1:6379 tidegate gateway --port 8080
  tidegate <command> --help
  tidegate --version
`

/** Runs the command line. Resolves to the exit code: 0, 1 when the command failed, 2 when it was not understood. */
export async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${version()}\n`)
    return 0
  }
  const listing = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (listing === undefined) {
    complain(name === undefined ? USAGE : `${noCommand(name)}\n\n${USAGE}`)
    return 2
  }
  const command = await listing.load()
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(command.usage)
    return 0
  }
  const wrong = wrongAction(name!, args[0], command.usage)
  if (wrong !== undefined) {
    complain(`${wrong}\n\n${command.usage}`)
    return 2
  }
  try {
    return await command.run(args, COMMANDS)
  } catch (error) {
    if (!(error instanceof UsageError)) {
      complain(`tidegate ${name}: ${explain(error)}\n`)
      return 1
    }
    complain(`${error.message}\n\n${command.usage}`)
    return 2
  }
}

function noCommand(name: string): string {
  return `There is no command ${printableJson(name)}.${didYouMean(name, Object.keys(COMMANDS))}`
}

/** A first argument that is nearly one of the actions of a command. What is none at all, the command says itself. */
function wrongAction(name: string, action: string | undefined, usage: string): string | undefined {
  const { actions } = usageWords(usage)
  if (action === undefined || actions.length === 0 || actions.includes(action)) return undefined
  const meant = didYouMean(action, actions)
  return meant === '' ? undefined : `There is no \`tidegate ${name} ${printable(action)}\`.${meant}`
}

/** The error in words; a stack only for what must be a defect of Tidegate or of a config's functions. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isDefect = error instanceof TypeError || error instanceof ReferenceError
  return isDefect ? (error.stack ?? error.message) : error.message
}

/** Whatever an error says, and whatever it repeats of the command line. */
function complain(text: string): void {
  process.stderr.write(withoutSecrets(text))
}
