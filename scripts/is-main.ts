import { pathToFileURL } from 'node:url'

/** Whether the module at this address is the one Node was told to run. */
export function isMain(moduleUrl: string): boolean {
  return process.argv[1] !== undefined && moduleUrl === pathToFileURL(process.argv[1]).href
}
