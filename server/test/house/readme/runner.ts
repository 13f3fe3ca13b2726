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

/** Commands that were begun. */
export interface Running {
  /** Rejects unless all commands succeed in time. */
  untilDone(): Promise<void>
  /** Rejects when the text is not printed in time, or can no longer be. */
  untilPrinted(text: string): Promise<void>
}

/** Where the steps of a page are executed. */
export interface Place {
  readonly folder: string
  /** What the page says, as it is meant here. */
  here(text: string): string
  begin(commands: string): Running
}

/**
 * Executes the steps of a README as its reader would, in a folder that looks like the repository but keeps data and
 * new files to itself. Rejects with the output of the step that went wrong.
 */
export async function runReadme(steps: readonly Step[]): Promise<void> {
  const folder = lookalike()
  const [port, second] = [await freePort(), await freePort()]
  const shells: Shell[] = []
  const here = (text: string) => atPort(text, port).replaceAll(SECOND_PORT, `${second}`)
  try {
    await runSteps(steps, {
      folder,
      here,
      begin(commands) {
        const shell = new Shell(commands, folder, { TIDEGATE_PORT: `${port}` })
        shells.push(shell)
        return shell
      },
    })
  } finally {
    for (const shell of shells.reverse()) await shell.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What is still running afterwards is the caller's to end. */
export async function runSteps(steps: readonly Step[], { folder, here, begin }: Place): Promise<void> {
  const begun: Running[] = []
  for (const step of steps) {
    switch (step.kind) {
      case 'file':
        writeFileSync(join(folder, step.name), here(step.text))
        break
      case 'background': {
        const running = begin(here(step.commands))
        begun.push(running)
        await running.untilPrinted(step.until)
        break
      }
      case 'run': {
        const before = [...begun]
        const running = begin(here(step.commands))
        begun.push(running)
        await running.untilDone()
        await running.untilPrinted(step.prints)
        if (step.backgroundPrints !== '') await anyPrints(before, step.backgroundPrints)
        break
      }
    }
  }
}

/** A text of a page, with the port that a gateway really has. */
export function atPort(text: string, port: number): string {
  return text.replaceAll(PORT_IN_README, `:${port}`)
}

function anyPrints(begun: readonly Running[], text: string): Promise<void> {
  return Promise.any(begun.map((running) => running.untilPrinted(text))).catch(({ errors }: AggregateError) => {
    throw new Error(errors.join('\n\n'))
  })
}

/** A new folder in which everything of the repository is found but its own data and config. The caller removes it. */
export function lookalike(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-readme-'))
  for (const name of readdirSync(REPOSITORY)) {
    if (!NOT_FOR_READERS.has(name)) symlinkSync(join(REPOSITORY, name), join(folder, name))
  }
  return folder
}
