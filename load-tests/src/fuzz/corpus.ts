import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../../fuzz-corpus', import.meta.url))

export interface KeptInput {
  readonly name: string
  readonly input: unknown
}

/** The kept inputs of a target: examples of what it takes, and what once failed. */
export function readCorpus(target: string): KeptInput[] {
  const folder = join(FOLDER, target)
  return filesOf(folder).map((file) => ({
    name: basename(file, '.json'),
    input: JSON.parse(readFileSync(join(folder, file), 'utf8')),
  }))
}

/** Names of targets that have kept inputs. */
export function corpusTargets(): string[] {
  return readdirSync(FOLDER)
}

/** Keeps an input that failed. The file may be renamed to what it shows. @returns its name */
export function keepInput(target: string, input: unknown): string {
  const folder = join(FOLDER, target)
  mkdirSync(folder, { recursive: true })
  const json = JSON.stringify(input)
  const name = `found-${createHash('sha256').update(json).digest('hex').slice(0, 10)}`
  writeFileSync(join(folder, `${name}.json`), `${json}\n`)
  return name
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
