/**
 * One process for all guides: a Redis, a gateway and a worker with the topics of all their configs, and the programs that
 * the pages tell to run. A process for each program would compile the client anew each time; so what a program prints is
 * told apart by the asynchronous context in which it runs. Ends when its parent disconnects.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'
import { WebSocket } from 'ws'
import type { Contract, TopicDefinition } from '../../../src/config/contract/model.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { startWorker } from '../../../src/worker-app.ts'
import { startTestGateway } from '../../support/gateway.ts'

const PARTITIONS = 8

/** What the host reports; `program` is the number that it was given. */
export type Report =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'printed'; readonly program: number; readonly text: string }
  /** `error` is what it threw. */
  | { readonly type: 'ended'; readonly program: number; readonly error?: string }

export interface Order {
  readonly program: number
  readonly file: string
}

const current = new AsyncLocalStorage<number>()
const report = (message: Report) => process.connected && process.send!(message)

/** @param configs paths of config files, as arguments of the process */
async function host(configs: readonly string[]): Promise<void> {
  const contract = await merged(configs)
  const server = await startTestGateway(contract, { partitions: PARTITIONS })
  const log = () => {}
  const worker = await startWorker(
    { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'guides', log },
    contract,
  )
  // As the package does on a Node without one; its sources, which are loaded here, leave that to `@tidegate/client/node`.
  globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket
  process.on('message', run)
  process.once('disconnect', async () => {
    await worker.close({ deadlineMs: 100 })
    await server.close()
    process.exit()
  })
  for (const method of ['log', 'warn', 'error', 'info'] as const) console[method] = print
  process.on('unhandledRejection', (error) => print('unhandled:', error))
  report({ type: 'ready', port: server.port })
}

function run({ program, file }: Order): void {
  const ended = (error?: Error) =>
    report({ type: 'ended', program, ...(error && { error: error.stack ?? `${error}` }) })
  // The number makes it a module of its own: a page may run a program twice.
  current.run(program, () => import(`${pathToFileURL(file).href}?${program}`).then(() => ended(), ended))
}

function print(...values: unknown[]): void {
  const program = current.getStore()
  const text = `${format(...values)}\n`
  if (program === undefined) process.stderr.write(text)
  else report({ type: 'printed', program, text })
}

/** The topics of all. @throws when two declare one topic differently: the guides are about one project */
async function merged(configs: readonly string[]): Promise<Contract> {
  const topics = new Map<string, TopicDefinition>()
  const contracts: Contract[] = []
  for (const path of configs) contracts.push((await loadConfig(path)).contract)
  for (const contract of contracts) {
    for (const [name, topic] of contract.topics) {
      const known = topics.get(name)
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(topic)) {
        throw new Error(`the guides declare ${name} in two ways`)
      }
      topics.set(name, topic)
    }
  }
  return { ...contracts[0]!, topics, hash: '0123456789abcdef' }
}

await host(process.argv.slice(2))
