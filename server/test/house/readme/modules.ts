import { blocksOf, isSkipped } from './blocks.ts'

/** Languages whose blocks are compiled. */
const EXTENSIONS: Readonly<Record<string, string>> = { ts: 'ts', js: 'ts', tsx: 'tsx' }

interface Module {
  readonly name: string | undefined
  readonly extension: string
  text: string
}

/**
 * The TypeScript of a page, as modules by file name. A block that begins with an import or is saved as a file begins a
 * module, and the blocks that follow go on with it. What exports a config is `tidegate.config.ts`, as the others know it.
 */
export function readmeModules(markdown: string): Record<string, string> {
  const modules: Module[] = []
  for (const block of blocksOf(markdown)) {
    const extension = EXTENSIONS[block.language]
    if (extension === undefined || isSkipped(block)) continue
    const name = /^file (\S+)$/.exec(block.note)?.[1]
    const last = modules.at(-1)
    const begins = name !== undefined || block.text.startsWith('import ') || last?.extension !== extension
    if (begins) modules.push({ name, extension, text: block.text })
    else last.text += block.text
  }
  return Object.fromEntries(modules.map((module, n) => [nameOf(module, n), module.text]))
}

function nameOf({ name, extension, text }: Module, n: number): string {
  return name ?? (text.includes('export default defineConfig(') ? 'tidegate.config.ts' : `module-${n}.${extension}`)
}
