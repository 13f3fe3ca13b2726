import { systemClock } from '../../clock.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { startDemo } from '../../demo/start-demo.ts'
import { localUrl } from '../../local-url.ts'
import { createLog } from '../../observability/log.ts'
import { parseOptions, UsageError } from '../usage/usage-error.ts'
import { liveAsChild } from './child-life.ts'

export const usage = `tidegate demo [--url <address>] [--seed <n>]

Publishes simulated sensors and a shop, with the built-in config, to a gateway, and sends commands to their entities.
  --url   address of the gateway (default: the local one at TIDEGATE_PORT)
  --seed  a whole number that decides everything but the times (default: 1)

Examples:
  tidegate demo
  tidegate demo --url http://127.0.0.1:9000 --seed 7
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, { url: { type: 'string' }, seed: { type: 'string', default: '1' } })
  const seed = Number(flags.seed)
  if (!Number.isSafeInteger(seed)) throw new UsageError(`--seed ${flags.seed}: it must be a whole number`)
  const { host, port, node, logLevel } = readSettings()
  const url = flags.url ?? localUrl('http', host, port)
  if (!URL.canParse(url)) throw new UsageError(`--url ${url}: it must be an address like http://127.0.0.1:8080`)
  const log = createLog(logLevel, node, 'demo')
  const player = startDemo({
    url,
    seed,
    clock: systemClock,
    onError: (error) => log.warn({ err: error }, 'publish or command refused'),
  })
  return liveAsChild(player, {}, log)
}
