/** What the tests of the pages and the site read of Markdown: titles, headings and links, without what stands in code. */

export interface Heading {
  readonly level: number
  readonly text: string
  /** The part of an address behind `#`. */
  readonly slug: string
}

export interface Link {
  readonly text: string
  /** As written: a path relative to the page, an anchor, or an address. */
  readonly target: string
}

const FENCED = /^( *)```[\s\S]*?^\1```$/gm
const COMMENT = /<!--[\s\S]*?-->/g
const HEADING = /^(#{1,6}) (.+)$/gm
const LINK = /\[(?<text>(?:[^[\]]|\[[^\]]*\])*)\]\((?<target>[^()\s]+(?:\([^()]*\))?)\)/g

export function headingsOf(markdown: string): Heading[] {
  const seen = new Map<string, number>()
  return [...withoutCode(markdown).matchAll(HEADING)].map(([, hashes, text]) => {
    const slug = slugOf(text!)
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return { level: hashes!.length, text: text!.trim(), slug: before === 0 ? slug : `${slug}-${before}` }
  })
}

/** Links to other places; those within code are not links. */
export function linksOf(markdown: string): Link[] {
  return [
    ...withoutCode(markdown)
      .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, '_'))
      .matchAll(LINK),
  ].map(({ groups }) => groups as unknown as Link)
}

/** Replaces the targets of links, outside of code. */
export function withLinks(markdown: string, replace: (target: string) => string): string {
  const parts = markdown.split(/(^ *```[\s\S]*?^ *```$|`[^`\n]*`)/gm)
  // A link may have code in its text, and then its bracket and its target are in the part behind the code.
  return parts
    .map((part, n) =>
      n % 2 === 1 ? part : part.replaceAll(/\]\(([^()\s]+)\)/g, (_, target) => `](${replace(target)})`),
    )
    .join('')
}

export function withoutComments(markdown: string): string {
  return markdown.replaceAll(/^<!--[\s\S]*?-->\n+/gm, '')
}

/** The anchor that GitHub gives a heading. */
export function slugOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(FENCED, '').replaceAll(COMMENT, '')
}
