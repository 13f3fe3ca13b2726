/** A figure, samples of one, what is said beside figures, or figures by name. Tables leave out what is in arrays. */
export type Figures = number | boolean | string | readonly Figures[] | { readonly [name: string]: Figures }

/** How much of a benchmark is run. */
export interface Extent {
  /** What `--only` chose; absent: all parts. */
  readonly parts?: readonly string[] | undefined
  /** The same of `--workloads`. */
  readonly workloads?: readonly string[] | undefined
  /** Short rounds, which show what works; their figures are no comparison. */
  readonly isQuick?: boolean
}

/** A named benchmark of `npm run bench`. */
export interface Benchmark {
  readonly description: string
  /** What it is measured beside, in the same run, or why there is nothing. */
  readonly control: string
  /** Effects the figures do not include: printed with them. */
  readonly notMeasured: string
  /** What `--only` chooses from; absent: it is measured as a whole. */
  readonly parts?: readonly string[]
  /** What `--workloads` chooses from. */
  readonly workloads?: readonly string[]
  /** Runs it, or these parts of it. The result holds the figure, the bare control of the same run, and their ratio. */
  run(progress: (message: string) => void, extent: Extent): Promise<Readonly<Record<string, Figures>>>
}
