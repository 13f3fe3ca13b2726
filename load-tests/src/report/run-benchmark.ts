import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { BenchmarkName } from './headlines.ts'
import { parseResult, type Result } from './result.ts'

const BENCH = fileURLToPath(new URL('../bench.ts', import.meta.url))

/**
 * Runs `npm run bench -- <name> --json` in a process of its own: what one leaves behind is nothing to the next.
 * Its progress goes to stderr. @throws where it fails
 */
export async function runBenchmark(name: BenchmarkName): Promise<Result> {
  const child = spawn(process.execPath, ['--import', 'tsx', BENCH, name, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const lines = (await text(child.stdout)).trimEnd().split('\n')
  if ((await code) !== 0) throw new Error(`bench ${name} ended with code ${await code}`)
  return parseResult(lines.at(-1)!)
}
