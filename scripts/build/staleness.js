import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// JavaScript: `server/bin` asks before anything can read TypeScript.
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
/** Written last by a build of the packages, removed first. */
const PACKAGES_BUILT = 'dist/packages-built'
const PACKAGES_SOURCES = ['protocol/src', 'client-sdk/src', 'server/src', 'scripts/build']

/** Whether what the packages have in `dist` is not what is written. */
export function arePackagesStale() {
  return isStale(PACKAGES_BUILT, PACKAGES_SOURCES)
}

/** The packages are about to be built: until that is done they are stale. */
export function packagesAreBeingBuilt() {
  rmSync(join(REPOSITORY, PACKAGES_BUILT), { force: true })
}

/** @param {Date} since when the build began to read sources */
export function packagesAreBuilt(since) {
  const path = join(REPOSITORY, PACKAGES_BUILT)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, '')
  utimesSync(path, since, since)
}

/**
 * Whether something that was built is older than a file it is built from, or missing.
 *
 * @param {string} built @param {readonly string[]} sources files and folders
 */
export function isStale(built, sources) {
  // Either may go meanwhile: a build removes what it makes, and somebody may be writing.
  const builtMs = statSync(join(REPOSITORY, built), { throwIfNoEntry: false })?.mtimeMs
  return builtMs === undefined || Math.max(...sources.map((source) => newestMs(join(REPOSITORY, source)))) > builtMs
}

function newestMs(path) {
  const entries = statSync(path).isFile() ? [] : readdirSync(path, { recursive: true })
  // The folders too: what was removed or renamed changes one.
  return Math.max(...[path, ...entries.map((entry) => join(path, entry))].map(modifiedAtMs))
}

function modifiedAtMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
}
