import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'

/** The first of `names` that is an executable file in one of the folders; earlier names win over earlier folders. */
export function findExecutable(names: readonly string[], folders: readonly string[]): string | undefined {
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(isExecutable)
    if (found !== undefined) return found
  }
  return undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
