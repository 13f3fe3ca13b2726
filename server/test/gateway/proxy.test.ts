import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@tidegate/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { isForOperators } from '../../src/gateway/http/route-table.ts'
import { hasDebianPackages, unpackDebianPackages } from '../../src/supervisor/debian-package.ts'
import { findExecutable } from '../../src/supervisor/executable.ts'
import { readingOf } from '../support/contract.ts'
import { endWithThisProcess, freePort, untilListening } from '../support/redis.ts'
import { useGateway } from '../support/use-gateway.ts'

const SHIPPED = readFileSync(join(REPOSITORY, 'deploy/nginx/nginx.conf'), 'utf8')
const nginx = await findNginx()
const server = await useGateway()

describe.skipIf(nginx === undefined)('behind the nginx of docker-compose.yml', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-nginx-'))
  let url: string
  let stop: () => Promise<unknown>

  beforeAll(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const config = SHIPPED.replace(/listen 8080;/, `listen 127.0.0.1:${port};`)
      .replace('gateway:8080', `127.0.0.1:${server.port}`)
      .replaceAll('/tmp/', `${folder}/`)
    writeFileSync(join(folder, 'nginx.conf'), config)
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
    const child = spawn(nginx!.command, args, { env: { ...process.env, ...nginx!.environment }, stdio: 'ignore' })
    endWithThisProcess(child)
    stop = () =>
      new Promise((resolve) => {
        child.once('exit', resolve)
        child.kill('SIGQUIT')
      })
    await untilListening(port)
  })
  afterAll(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('G-PROXY-1 WebSockets and event streams get what is published through it', async () => {
    const client = createClient({ url })
    const keys: string[] = []
    await client.subscribe('sensor.reading', {}, ({ key }) => void keys.push(key)).ready
    const abort = new AbortController()
    const stream = await fetch(`${url}/v1/stream?topic=sensor.reading`, { signal: abort.signal })
    let isPublished = false
    let text = ''
    for await (const part of stream.body!.pipeThrough(new TextDecoderStream())) {
      text += part
      if (!isPublished && text.includes('event: subscribed')) {
        isPublished = true
        await client.publish('sensor.reading', [readingOf('attic')])
      }
      if (text.includes('"attic"')) break
    }
    await expect.poll(() => keys).toEqual(['attic'])
    expect(text).toContain('"key":"attic"')
    abort.abort()
    await client.close({ deadlineMs: 1_000 })
  })

  it.each(['/metrics', '/v1/slow', '/v1/status', '/v1/rates', '/v1/topics', '/v1/dead-letters', '/readyz'])(
    'G-PROXY-2 %s - is passed on unless it is for operators',
    async (path) => {
      expect((await fetch(url + path)).status === 404).toBe(isForOperators(path))
    },
  )
})

/** Elsewhere than in CI a missing one is a visible skip. */
async function findNginx() {
  const { searchPath, cacheFolder } = readSettings()
  const installed = findExecutable(['nginx'], [...searchPath, '/usr/sbin'])
  if (installed !== undefined) return { command: installed, environment: {} }
  if (!hasDebianPackages() && !process.env.CI) return undefined
  const { root, environment } = await unpackDebianPackages(['nginx'], cacheFolder)
  return { command: join(root, 'usr/sbin/nginx'), environment }
}
