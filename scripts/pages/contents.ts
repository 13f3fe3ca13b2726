import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { REPOSITORY } from '../source-files.ts'

/** The page from which the site has its navigation, and `llms.txt` its list. */
export const CONTENTS = 'docs/README.md'

export interface Section {
  readonly title: string
  readonly entries: readonly Entry[]
}

export interface Entry {
  readonly title: string
  /** From the root of the repository. */
  readonly path: string
  /** What the page says, in a line. */
  readonly summary: string
}

const ENTRY = /^- \[(?<title>[^\]]+)\]\((?<target>[^)]+)\): (?<summary>.+)$/

/** @throws on a line of a list that is not an entry: it would be in no navigation. */
export function contents(markdown = readFileSync(join(REPOSITORY, CONTENTS), 'utf8')): Section[] {
  const [, ...sections] = markdown.split(/^## /m)
  return sections.map((section) => {
    const [title, ...lines] = section.split('\n')
    return { title: title!, entries: lines.filter((line) => line.startsWith('- ')).map(entryOf) }
  })
}

function entryOf(line: string): Entry {
  const groups = ENTRY.exec(line)?.groups
  if (groups === undefined) throw new Error(`${CONTENTS}: expected "- [Title](page.md): what it says.", found ${line}`)
  const { title, target, summary } = groups as { title: string; target: string; summary: string }
  return { title, path: posix.join(posix.dirname(CONTENTS), target), summary }
}
