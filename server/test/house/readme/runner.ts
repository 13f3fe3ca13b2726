import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../../../../scripts/source-files.ts'
import { freePort } from '../../support/redis.ts'
import { Shell } from './shell.ts'
import type { Step } from './steps.ts'

/** The port that a README names, and that of a second deployment; free ones are used instead. */
const PORT_IN_README = ':8080'
const SECOND_PORT = /\b8081\b/g
const NOT_FOR_READERS = new Set(['.git', '.tidegate', 'tidegate.config.ts'])

/**
 * Executes the steps of a README as its reader would, in a folder that looks like the repository but keeps data and
 * new files to itself. Rejects with the output of the step that went wrong.
 */
export async function runReadme(steps: readonly Step[]): Promise<void> {
  const folder = lookalike()
  const [port, second] = [await freePort(), await freePort()]
  const here = (text: string) => text.replaceAll(PORT_IN_README, `:${port}`).replaceAll(SECOND_PORT, `${second}`)
  const shells: Shell[] = []
  const open = (commands: string) => {
    const shell = new Shell(here(commands), folder, { TIDEGATE_PORT: `${port}` })
    shells.push(shell)
    return shell
  }
  try {
    for (const step of steps) {
      switch (step.kind) {
        case 'file':
          writeFileSync(join(folder, step.name), here(step.text))
          break
        case 'background':
          await open(step.commands).untilPrinted(step.until)
          break
        case 'run': {
          const before = [...shells]
          const shell = open(step.commands)
          await shell.untilDone()
          await shell.untilPrinted(step.prints)
          if (step.backgroundPrints !== '') await anyPrints(before, step.backgroundPrints)
          break
        }
      }
    }
  } finally {
    for (const shell of shells.reverse()) await shell.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function anyPrints(shells: readonly Shell[], text: string): Promise<void> {
  return Promise.any(shells.map((shell) => shell.untilPrinted(text))).catch(({ errors }: AggregateError) => {
    throw new Error(errors.join('\n\n'))
  })
}

function lookalike(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-readme-'))
  for (const name of readdirSync(REPOSITORY)) {
    if (!NOT_FOR_READERS.has(name)) symlinkSync(join(REPOSITORY, name), join(folder, name))
  }
  return folder
}
