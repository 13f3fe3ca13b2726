import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'

const CONFIG = fileURLToPath(new URL('../../../../examples/react-shop/vite.config.ts', import.meta.url))

/** Builds the example as for production, and serves it before a gateway. */
export async function previewShop(gateway: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const outDir = await mkdtemp(join(tmpdir(), 'tidegate-shop-'))
  await build({ configFile: CONFIG, logLevel: 'error', build: { outDir, emptyOutDir: true } })
  const proxy = { '/v1': { target: gateway, ws: true } }
  const served = await preview({
    configFile: CONFIG,
    logLevel: 'error',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, proxy },
  })
  return {
    url: served.resolvedUrls!.local[0]!,
    async close() {
      await served.close()
      await rm(outDir, { recursive: true })
    },
  }
}
