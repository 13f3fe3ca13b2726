const BLOCK = /(?:<!-- readme: file (?<name>\S+) -->\n+)?^```ts\n(?<text>[\s\S]*?)^```$/gm

/**
 * The TypeScript of a page, as modules by file name. A block that begins with an import begins a module, and the blocks
 * that follow go on with it. What exports a config is `tidegate.config.ts`, as the others know it.
 */
export function readmeModules(markdown: string): Record<string, string> {
  const modules: { name: string | undefined; text: string }[] = []
  for (const { groups } of markdown.matchAll(BLOCK)) {
    const { name, text } = groups as { name?: string; text: string }
    if (text.startsWith('import ') || modules.length === 0) modules.push({ name, text })
    else modules.at(-1)!.text += text
  }
  return Object.fromEntries(modules.map(({ name, text }, n) => [name ?? nameOf(text, n), text]))
}

function nameOf(text: string, n: number): string {
  return text.includes('export default defineConfig(') ? 'tidegate.config.ts' : `module-${n}.ts`
}
