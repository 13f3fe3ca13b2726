import { createReadStream, createWriteStream } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AOF_FOLDER, AOF_MANIFEST } from './aof-names.ts'
import { type AofFindings, AofScan, type ByteRange } from './aof-scan.ts'

/** Large pieces: a file of a gigabyte is read before each start. */
const PIECE_BYTES = 1_048_576

/**
 * Removes the remains of a write interrupted by kill -9 from the append-only files in a Redis' folder. Redis MUST NOT
 * run on it. Killed at any step, it leaves the files as they were or mended, and it runs before each start: it needs no
 * memory.
 *
 * @returns the bytes that were removed
 */
export async function mendAof(redisFolder: string): Promise<number> {
  const folder = join(redisFolder, AOF_FOLDER)
  const files = (await incrementNames(join(folder, AOF_MANIFEST))).map((name) => join(folder, name))
  let removed = 0
  for (const file of files) {
    const findings = await scanFile(file)
    // Redis reports by itself what it cannot read either, including a truncated file that is not the last one.
    if (findings.kind === 'unreadable') continue
    const { torn, wholeTo, size } = findings
    // First the end: cutting it off is a single step, and a copy should not include it.
    if (wholeTo < size && file === files.at(-1)) {
      await cutEnd(file, wholeTo)
      removed += size - wholeTo
    }
    if (torn.length > 0) {
      await cutOut(file, torn)
      for (const { start, end } of torn) removed += end - start
    }
  }
  return removed
}

/**
 * Files of commands in the order in which Redis reads them: lines like `file appendonly.aof.1.incr.aof seq 1 type i`.
 */
async function incrementNames(manifest: string): Promise<string[]> {
  const text = await readFile(manifest, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return [...text.matchAll(/^file (\S+) seq \d+ type i\b/gm)].map(([, name]) => name!)
}

async function scanFile(file: string): Promise<AofFindings> {
  const scan = new AofScan()
  for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES })) scan.take(piece as Buffer)
  return scan.end()
}

async function cutEnd(file: string, size: number): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.truncate(size)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces the file by a copy without the ranges, in one step. */
async function cutOut(file: string, ranges: readonly ByteRange[]): Promise<void> {
  const copy = `${file}.mended`
  await pipeline(Readable.from(without(file, ranges)), createWriteStream(copy, { flush: true }))
  await rename(copy, file)
}

async function* without(file: string, ranges: readonly ByteRange[]): AsyncGenerator<Buffer> {
  for (const [i, start] of [0, ...ranges.map(({ end }) => end)].entries()) {
    const end = ranges[i]?.start ?? Number.POSITIVE_INFINITY
    // `end` of a stream is inclusive.
    if (end > start) yield* createReadStream(file, { start, end: end - 1, highWaterMark: PIECE_BYTES })
  }
}
