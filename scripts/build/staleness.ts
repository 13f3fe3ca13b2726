import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../source-files.ts'

/** Whether something that was built is older than a file it is built from, or missing. @param sources files and folders */
export function isStale(built: string, sources: readonly string[]): boolean {
  const path = join(REPOSITORY, built)
  return (
    !existsSync(path) || Math.max(...sources.map((source) => newestMs(join(REPOSITORY, source)))) > modifiedAtMs(path)
  )
}

function newestMs(path: string): number {
  if (statSync(path).isFile()) return modifiedAtMs(path)
  return Math.max(...readdirSync(path, { recursive: true }).map((entry) => modifiedAtMs(join(path, `${entry}`))))
}

function modifiedAtMs(path: string): number {
  return statSync(path).mtimeMs
}
