import { blocksOf, isSkipped } from './blocks.ts'

/** Pages whose commands are executed on a deployment of their own, which they start. */
export const PAGES = ['README.md', 'docs/access.md', 'docs/browsers.md', 'docs/entities.md', 'docs/windows.md']
/** Pages that are executed on one deployment, as one project: each sees what those before it saved and published. */
export const GUIDES = [
  'docs/start.md',
  'docs/alerts.md',
  'docs/charts.md',
  'docs/services.md',
  'docs/offline.md',
  'docs/backfill.md',
  'docs/slow-clients.md',
]

/**
 * How a README is executed. Its `sh` blocks run in order; a comment right before a block says more:
 *
 *     <!-- readme: file listen.ts -->              the block, of any language, is saved under this name
 *     <!-- readme: background until "ready" -->    runs until the end of the README, the next block waits for this output
 *     <!-- readme: prints "stored" -->             its output must hold this text
 *     <!-- readme: output -->                      the block is what the commands before it must print
 *     <!-- readme: background prints "21.5" -->    afterwards some background block must print this text
 *     <!-- readme: skip, needs a container engine -->
 *
 * Code in `<!-- readme: given` ... `-->`, on lines of its own, is compiled with the block after it and not shown.
 */
export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'background'; readonly commands: string; readonly until: string }
  | { readonly kind: 'run'; readonly commands: string; readonly prints: string; readonly backgroundPrints: string }

/** Installing and testing is what the test that executes a README runs under. */
const DONE_ALREADY = /^(npm ci|npm test|git clone .*|cd tidegate)$/

/** @throws on a comment that is none of the above, because a misspelt one would go untested. */
export function readmeSteps(markdown: string): Step[] {
  const steps: Step[] = []
  for (const block of blocksOf(markdown)) {
    const { note, language, text } = block
    const file = /^file (\S+)$/.exec(note)
    if (isSkipped(block)) continue
    if (file !== null) steps.push({ kind: 'file', name: file[1]!, text })
    else if (note === 'output') steps.push(printing(text, steps.pop()))
    else if (language === 'sh') steps.push(...stepOf(note, toDo(text)))
  }
  return steps
}

function printing(prints: string, step: Step | undefined): Step {
  if (step?.kind !== 'run') throw new Error('<!-- readme: output --> stands behind no commands')
  return { ...step, prints }
}

function stepOf(note: string, commands: string): Step[] {
  if (commands === '') return []
  const background = /^background until "(.+)"$/.exec(note)
  if (background !== null) return [{ kind: 'background', commands, until: background[1]! }]
  const prints = /^(background )?prints "(.+)"$/.exec(note)
  if (note !== '' && prints === null) throw new Error(`<!-- readme: ${note} --> is not understood`)
  const text = prints?.[2] ?? ''
  const inBackground = prints?.[1] !== undefined
  return [{ kind: 'run', commands, prints: inBackground ? '' : text, backgroundPrints: inBackground ? text : '' }]
}

function toDo(commands: string): string {
  return commands
    .split('\n')
    .map((line) =>
      line
        .split(' && ')
        .filter((command) => !DONE_ALREADY.test(command.trim()))
        .join(' && '),
    )
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .join('\n')
}
