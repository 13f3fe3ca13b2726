import type { SourceFile } from './source-files.ts'

/** What must not leave the bus: connections, guards, keys and scripts. */
export const BUS_INTERNALS =
  /\b(Redis|Guard|Channel|keys|loadScript|runScript|openCommandConnection|internalsOf)\b(?!\.ts)/

const IMPORT_OF_THE_BUS = /^import (?:type )?\{([^}]*)\} from '[^']*\/bus\/[^']*'/gm
const KEY_OR_COMMAND = /\{?tg:|\bRedis\.Redis\b|\bevalsha?\b/

/** Whether a file names a key or a script of Redis, or takes what the bus keeps to itself. */
export function namesRedis({ text }: SourceFile): boolean {
  if (KEY_OR_COMMAND.test(text)) return true
  return [...text.matchAll(IMPORT_OF_THE_BUS)].some(([, names]) => BUS_INTERNALS.test(names!))
}
