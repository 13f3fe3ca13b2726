/** A figure, samples of one, what is said beside figures, or figures by name. */
export type Figures = number | boolean | string | readonly number[] | { readonly [name: string]: Figures }

/** A named benchmark of `npm run bench`. */
export interface Benchmark {
  readonly description: string
  /** What it is measured beside, in the same run, or why there is nothing. */
  readonly control: string
  /** Effects the figures do not include: printed with them. */
  readonly notMeasured: string
  /** What `--only` chooses from; absent: it is measured as a whole. */
  readonly parts?: readonly string[]
  /** Runs it, or these parts of it. The result holds the figure, the bare control of the same run, and their ratio. */
  run(progress: (message: string) => void, parts?: readonly string[]): Promise<Readonly<Record<string, Figures>>>
}
