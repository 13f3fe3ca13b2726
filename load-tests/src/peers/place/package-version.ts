import { readFileSync } from 'node:fs'
import { REPOSITORY } from '../../../../scripts/source-files.ts'

/** The installed version of a package. */
export function packageVersion(name: string): string {
  return JSON.parse(readFileSync(`${REPOSITORY}/node_modules/${name}/package.json`, 'utf8')).version
}
