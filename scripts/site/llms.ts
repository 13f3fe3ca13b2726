import { contents } from '../pages/contents.ts'
import { placeOf, sitePages } from './pages.ts'

const ABOUT = `# Tidegate

> A self-hosted real-time event streaming server on Redis. Clients publish typed events over WebSocket or HTTP, workers fold
> them through flows and event-time windows, and subscribers resume from positions: every event reaches each of them once, or
> is counted in a gap. Entities are keyed state that commands change. One \`tidegate.config.ts\` declares topics, windows and
> entities, and types the client.

Packages: \`tidegate\` (server, command line, config), \`@tidegate/client\` (browsers and Node), \`@tidegate/protocol\` (the wire).
Start with \`npx tidegate init\` and \`npx tidegate start\`.`

/** For language models: what Tidegate is, and what each page says. The form is that of llmstxt.org. */
export function llmsText(): string {
  const sections = contents().map(({ title, entries }) => {
    const lines = entries.map((entry) => `- [${entry.title}](/${placeOf(entry.path)}.html): ${entry.summary}`)
    return `## ${title}\n\n${lines.join('\n')}`
  })
  return `${[ABOUT, ...sections].join('\n\n')}\n`
}

/** All pages in one file, in the order of the contents. */
export function llmsFullText(): string {
  const pages = new Map(sitePages().map(({ path, text }) => [path, text]))
  const listed = contents().flatMap(({ entries }) => entries.map(({ path }) => pages.get(path) ?? ''))
  return `${ABOUT}\n\n${listed.join('\n\n---\n\n')}`
}
