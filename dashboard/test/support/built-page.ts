import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** What the page is built from. */
const SOURCES = ['dashboard/src', 'dashboard/index.html', 'client-sdk/src', 'protocol/src']

/** Builds the page if a source is newer than what was built: a test of an old page says nothing. */
export async function buildPageIfStale(): Promise<void> {
  const builtAtMs = await modifiedAtMs(join(ROOT, 'dashboard/dist/index.html')).catch(() => 0)
  const changedAtMs = Math.max(...(await Promise.all(SOURCES.map((source) => newestMs(join(ROOT, source))))))
  if (changedAtMs > builtAtMs) await build({ configFile: join(ROOT, 'dashboard/vite.config.ts'), logLevel: 'error' })
}

async function newestMs(path: string): Promise<number> {
  if ((await stat(path)).isFile()) return modifiedAtMs(path)
  const entries = await readdir(path, { recursive: true })
  return Math.max(...(await Promise.all(entries.map((entry) => modifiedAtMs(join(path, entry))))))
}

async function modifiedAtMs(path: string): Promise<number> {
  return (await stat(path)).mtimeMs
}
