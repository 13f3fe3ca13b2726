import { readFileSync } from 'node:fs'
import { freePort, nodeOfVersion, Place } from './place.ts'

const STRICT = readFileSync(new URL('../../server/test/packages/strict-types.json', import.meta.url), 'utf8')
/** Of a client there is nothing but the language: neither a browser nor Node. */
const CLIENT_ALONE = STRICT.replace('"lib": ["ES2022", "DOM"]', '"lib": ["ES2022"]').replace('*.ts', 'client/*.ts')
const CLIENT = `import { createClient, type TokenContext } from '@tidegate/client'
export const token = ({ signal }: TokenContext): string => (signal.aborted ? '' : 'a')
export const client = createClient({ url: 'http://127.0.0.1:8080', token })
`
const LOAD = `
for (const name of ['tidegate', '@tidegate/client', '@tidegate/client/node', '@tidegate/protocol'])
  import(name).then((module) => {
    if (Object.keys(module).join() !== Object.keys(require(name)).join()) throw new Error(name)
  })
`
/** What a gateway says when it has no uWebSockets.js. */
const NO_BINARY = /uWebSockets\.js has no binary/

/** From an empty folder to events in a program, on one version of Node. @returns what was found, a line each */
export async function checkOnNode(version: string, tarballs: string): Promise<string[]> {
  const place = new Place(`node-${version}`, nodeOfVersion(version))
  const port = await freePort()
  try {
    const startedAt = performance.now()
    await place.run(`npm install --no-audit --no-fund ${tarballs}`)
    await place.run('npx tidegate init --page node')
    place.moveTo(port)
    const installedMs = performance.now() - startedAt
    const server = await place.start(`npx tidegate start --port ${port}`, 'Tidegate is at')
    await place.start('npx tsx publish.ts', 'publishing')
    await place.run(
      `curl -sN --max-time 30 'http://127.0.0.1:${port}/v1/stream?topic=sensor.reading' | grep -m1 '^data:'`,
    )
    const firstEventMs = performance.now() - startedAt
    await place.run(`curl -sf http://127.0.0.1:${port}/ | grep -q assets/`)
    await place.start('npx tsx listen.ts', 'count:')
    await checkHeap(place, port)

    await place.run(`node -e "${LOAD}"`)
    place.write('strict.json', STRICT)
    place.write('client/client.ts', CLIENT)
    place.write('client.json', CLIENT_ALONE)
    await place.run('npx tsc -p strict.json && npx tsc -p client.json')
    return [
      `node ${version}: empty folder to first event ${seconds(firstEventMs)}, of it install ${seconds(installedMs)}`,
      `node ${version}: ${NO_BINARY.test(server.output) ? 'node:http and ws, said in the log' : 'uWebSockets.js'}`,
    ]
  } finally {
    await place.close()
  }
}

/** A gateway that is started by itself has the options of those that `tidegate start` starts. */
async function checkHeap(place: Place, port: number): Promise<void> {
  const ownGateway = await freePort()
  const redis = `REDIS_URL=$(tr '\\0' '\\n' < /proc/$(pgrep -f "gateway.*--port ${port}")/environ | sed -n 's/^REDIS_URL=//p')`
  await place.start(`${redis} TIDEGATE_LOG_LEVEL=info npx tidegate gateway --port ${ownGateway}`, 'ready')
  await place.run(`pgrep -f -- "--max-semi-space-size=64.*gateway --port ${ownGateway}"`)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
