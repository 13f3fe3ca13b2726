import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LUA } from '../../package-files.ts'
import type { Redis } from './connection.ts'

export type Argument = string | number | Buffer

/** A Lua script of `lua/`, with its includes in front. */
export interface Script {
  readonly sha: string
  readonly source: string
}

/**
 * Reads `lua/<name>.lua`. `allowOom: true` lets it run while Redis is over `maxmemory`: scripts that free memory or
 * move state forward must still work then. `false` refuses the script then, whatever it does. Without either, Redis
 * refuses it at its first write that adds something, unless another write came before. `isReading` lets it run on a Redis that takes
 * no writes at all.
 */
export function loadScript(
  name: string,
  options: { allowOom?: boolean; isReading?: boolean; include?: readonly string[] } = {},
): Script {
  const parts = [...(options.include ?? []), name].map((part) => readFileSync(join(LUA, `${part}.lua`), 'utf8'))
  const source = `${headOf(options)}${parts.join('\n')}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

function headOf({ allowOom, isReading }: { allowOom?: boolean; isReading?: boolean }): string {
  if (isReading) return '#!lua flags=no-writes\n'
  if (allowOom === undefined) return ''
  return allowOom ? '#!lua flags=allow-oom\n' : '#!lua\n'
}

/**
 * Runs a script by its hash. On NOSCRIPT it is loaded and run again, which is safe only because each caller has at most
 * one call per partition under way: otherwise the second attempt could overtake (or be overtaken by) a later call.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  scriptKeys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  const call = () => redis.evalsha(script.sha, scriptKeys.length, ...scriptKeys, ...args)
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    await redis.script('LOAD', script.source)
    return await call()
  }
}
