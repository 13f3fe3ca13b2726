import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { isStale } from '../../../scripts/build/staleness.js'

const CONFIG = fileURLToPath(new URL('../../vite.config.ts', import.meta.url))
/** What the page is built from. */
const SOURCES = ['dashboard/src', 'dashboard/index.html', 'client-sdk/src', 'protocol/src']

/** Builds the page if a source is newer than what was built: a test of an old page says nothing. */
export async function buildPageIfStale(): Promise<void> {
  if (isStale('server/dist/dashboard/index.html', SOURCES)) await build({ configFile: CONFIG, logLevel: 'error' })
}
