import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { findRedisBinary } from '../../../server/src/supervisor/redis-binary.ts'

/** What a run was made on. */
export function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} x ${cpus()[0]!.model.trim()}, ${gib} GiB, Linux ${release()}`
}

/** What a run was made of. Without a clone there is no commit. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'server/package.json'), 'utf8')) as { version: string }
  const commit = outputOf('git', ['-C', REPOSITORY, 'rev-parse', '--short', 'HEAD'])
  const { command, environment } = await findRedisBinary(readSettings(), console.error)
  const redis = /\bv=(\S+)/.exec(outputOf(command, ['--version'], environment) ?? '')?.[1] ?? 'unknown'
  return { Tidegate: version, ...(commit !== undefined && { commit }), Node: process.versions.node, Redis: redis }
}

function outputOf(command: string, args: readonly string[], environment = {}): string | undefined {
  try {
    const env = { ...process.env, ...environment }
    return execFileSync(command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
