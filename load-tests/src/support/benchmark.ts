/** A figure, or figures by name. */
export type Figures = number | boolean | { readonly [name: string]: Figures }

/** A named benchmark of `npm run bench`. */
export interface Benchmark {
  readonly description: string
  /** Effects the figures do not include: printed with them. */
  readonly notMeasured: string
  /** Runs it. The result holds the figure, the bare control of the same run, and their ratio. */
  run(progress: (message: string) => void): Promise<Readonly<Record<string, Figures>>>
}
