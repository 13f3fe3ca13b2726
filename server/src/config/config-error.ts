/** What can be wrong with a declared topic. Codes are stable; messages are for people. */
export type ProblemCode =
  | 'not_a_topic'
  | 'bad_name'
  | 'duplicate_name'
  | 'unlisted_input'
  | 'cycle'
  | 'bad_schema'
  | 'bad_key'
  | 'bad_priority'
  | 'bad_duration'
  | 'bad_window'
  | 'bad_aggregate'
  | 'bad_version'
  | 'bad_entity'
  | 'bad_access'

export interface ConfigProblem {
  readonly code: ProblemCode
  readonly topic: string
  readonly message: string
}

/** Thrown by `defineConfig` with everything that is wrong, so that one start shows all of it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ topic, message, code }) => `  ${topic}: ${message} [${code}]`)
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
