/** What the config uses of VitePress, which only `npm run docs:site` installs: the compiler looks at the rest of the config. */
declare module 'vitepress' {
  export function defineConfig(config: {
    readonly markdown: {
      readonly config: (parser: { readonly core: { readonly ruler: { disable(rule: string): void } } }) => void
      readonly [option: string]: unknown
    }
    readonly [option: string]: unknown
  }): unknown
}
