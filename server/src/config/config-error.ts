/** What can be wrong with a declared topic. Codes are stable; messages are for people. */
export type ProblemCode =
  | 'not_a_topic'
  | 'bad_name'
  | 'duplicate_name'
  | 'unlisted_input'
  | 'cycle'
  | 'bad_schema'
  | 'bad_key'
  | 'bad_presence'
  | 'bad_priority'
  | 'bad_duration'
  | 'bad_option'
  | 'bad_window'
  | 'bad_aggregate'
  | 'bad_version'
  | 'bad_entity'
  | 'bad_access'

export interface ConfigProblem {
  readonly code: ProblemCode
  readonly topic: string
  readonly message: string
  /** File and line of the declaration. */
  readonly place?: string | undefined
}

/** Thrown by `defineConfig` with everything that is wrong, so that one start shows all of it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ topic, message, code, place }) =>
        `  ${topic}: ${message} [${code}]${place === undefined ? '' : ` at ${place}`}`,
    )
    super(`the config cannot be used:\n${lines.join('\n')}`)
    this.problems = problems
  }
}

/** One problem on its way to the list: thrown while one topic is resolved, caught by the resolver. */
export class TopicProblem extends Error {
  readonly code: ProblemCode

  constructor(code: ProblemCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Everything that is wrong with one topic. */
export class TopicProblems extends Error {
  readonly problems: readonly TopicProblem[]

  constructor(problems: readonly TopicProblem[]) {
    super(problems.map(({ message }) => message).join('; '))
    this.problems = problems
  }
}

/** Makes every one of some checks and gives what they return. @throws {TopicProblems} with all that is wrong */
export function checked<Values extends object>(
  checks: { readonly [Name in keyof Values]: () => Values[Name] },
): Values {
  const problems: TopicProblem[] = []
  const values: Partial<Values> = {}
  for (const name of Object.keys(checks) as (keyof Values)[]) {
    try {
      values[name] = checks[name]()
    } catch (problem) {
      problems.push(...problemsOf(problem))
    }
  }
  if (problems.length > 0) throw new TopicProblems(problems)
  return values as Values
}

/** A defect of this code is not a problem of the config: it is thrown unchanged. */
export function problemsOf(thrown: unknown): readonly TopicProblem[] {
  if (thrown instanceof TopicProblems) return thrown.problems
  if (thrown instanceof TopicProblem) return [thrown]
  throw thrown
}
