import { readFileSync } from 'node:fs'
import { HEAP_OPTIONS } from '../../server/src/heap-options.ts'
import { freePort, startTestRedis } from '../../server/test/support/redis.ts'
import { processesLike } from '../../server/test/support/tidegate-process.ts'
import { nodeOfVersion, Place } from './place.ts'

const STRICT = readFileSync(new URL('../../server/test/packages/strict-types.json', import.meta.url), 'utf8')
/** Of a client there is nothing but the language: neither a browser nor Node. */
const CLIENT_ALONE = STRICT.replace('"lib": ["ES2022", "DOM"]', '"lib": ["ES2022"]').replace('*.ts', 'client/*.ts')
const CLIENT = `import { createClient, type TokenContext } from '@tidegate/client'
export const token = ({ signal }: TokenContext): string => (signal.aborted ? '' : 'a')
export const client = createClient({ url: 'http://127.0.0.1:8080', token })
`
const LOAD = `
for (const name of ['tidegate', '@tidegate/client', '@tidegate/client/node', '@tidegate/client/subscribe', '@tidegate/protocol'])
  import(name).then((module) => {
    if (Object.keys(module).join() !== Object.keys(require(name)).join()) throw new Error(name)
  })
`
/** What a gateway says when it has no uWebSockets.js. */
const NO_BINARY = /uWebSockets\.js has no binary/

/** From an empty folder to events in a program, on one version of Node. @returns what was found */
export async function checkOnNode(version: string, tarballs: string): Promise<string> {
  const place = new Place(`node-${version}`, nodeOfVersion(version))
  const port = await freePort()
  try {
    await place.run(`npm install --no-audit --no-fund ${tarballs}`)
    await place.run('npm pkg set type=module && npx tidegate init --page node')
    place.moveTo(port)
    const server = await place.start(`npx tidegate start --port ${port}`, 'Tidegate is at')
    await place.start('npx tsx publish.ts', 'publishing')
    const events = `http://127.0.0.1:${port}/v1/stream?topic=sensor.reading`
    await place.start(`curl -sN '${events}'`, '"temperature"')
    await place.run(`curl -sf http://127.0.0.1:${port}/ | grep -q assets/`)
    await place.start('npx tsx listen.ts', 'count:')
    await checkHeap(place)

    await place.run(`node -e "${LOAD}"`)
    place.write('strict.json', STRICT)
    place.write('client/client.ts', CLIENT)
    place.write('client.json', CLIENT_ALONE)
    await place.run('npx tsc -p strict.json && npx tsc -p client.json')
    const transport = NO_BINARY.test(server.output) ? 'node:http and ws, said in the log' : 'uWebSockets.js'
    return `node ${version}: installs, loads, compiles, starts, publishes, listens; gateways on ${transport}`
  } finally {
    await place.close()
  }
}

/** A gateway that is started by itself has the options of those that `tidegate start` starts. */
async function checkHeap(place: Place): Promise<void> {
  const port = await freePort()
  const redis = await startTestRedis()
  try {
    const started = await place.start(
      `REDIS_URL=${redis.url} TIDEGATE_LOG_LEVEL=info npx tidegate gateway --port ${port}`,
      'ready',
    )
    if (processesLike(new RegExp(`${HEAP_OPTIONS.at(-1)} .*gateway --port ${port}`)).length === 0)
      throw new Error('A gateway that was started by itself lacks the options of its heap.')
    await started.stop()
  } finally {
    await redis.close()
  }
}
