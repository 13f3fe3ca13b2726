import type fc from 'fast-check'

/** One parser, and what is done behind it with an input that it takes. */
export interface FuzzTarget<Input> {
  readonly name: string
  /** Inputs are written to the corpus as JSON. */
  readonly inputs: fc.Arbitrary<Input>
  /** MUST end for any input, and throw only what is a fault: refusals are typed, and taken here. */
  run(input: Input): void | Promise<void>
  /** Ends of the paths of the sources whose functions the inputs are to reach. */
  readonly covers: readonly string[]
}

/** A target whose inputs only itself knows. */
export type AnyTarget = FuzzTarget<unknown>

/** Puts targets of different inputs into one list. */
export function target<Input>(of: FuzzTarget<Input>): AnyTarget {
  return { ...of, run: (input) => of.run(input as Input) }
}

/** Fails an input whose outcome is wrong although nothing was thrown. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
