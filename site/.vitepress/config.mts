import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'
import { slugOf } from '../../scripts/pages/markdown.ts'

export default defineConfig({
  title: 'Tidegate',
  description: 'A self-hosted real-time event streaming server on Redis',
  srcDir: '.build',
  outDir: 'dist',
  cacheDir: '.build/cache',
  // The pages are Markdown alone: what looks like a tag, or `http://` like a face, is text.
  markdown: {
    html: false,
    languageAlias: { filter: 'js' },
    anchor: { slugify: slugOf },
    toc: { slugify: slugOf },
    config: ({ core }) => core.ruler.disable('emoji'),
  },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Guides', link: '/charts' },
      { text: 'Reference', link: '/reference/' },
      { text: 'Protocol', link: '/protocol' },
    ],
    sidebar: JSON.parse(readFileSync(new URL('../.build/sidebars.json', import.meta.url), 'utf8')),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/tidegate/tidegate' }],
    docFooter: { prev: 'Previous', next: 'Next' },
  },
})
