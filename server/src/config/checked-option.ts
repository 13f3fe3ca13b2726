import { didYouMean } from '@tidegate/protocol'
import { type ProblemCode, TopicProblem, TopicProblems } from './config-error.ts'
import { parseDuration } from './duration.ts'

/** Milliseconds of a duration. @throws {TopicProblem} `bad_duration` */
export function durationMs(option: string, value: unknown): number {
  try {
    return parseDuration(value as string)
  } catch (cause) {
    throw new TopicProblem('bad_duration', `${option}: ${(cause as Error).message}`, { cause })
  }
}

export function positiveMs(option: string, value: unknown): number {
  const ms = durationMs(option, value)
  if (ms <= 0) throw new TopicProblem('bad_duration', `${option} must be longer than nothing`)
  return ms
}

export function notNegativeMs(option: string, value: unknown): number {
  const ms = durationMs(option, value)
  if (ms < 0) throw new TopicProblem('bad_duration', `${option} must not be negative`)
  return ms
}

/** A version stands for functions, which cannot be compared. @throws {TopicProblem} `bad_version` */
export function wholeVersion(option: string, value: unknown, standsFor: string): number {
  if (isCount(value)) return value
  throw new TopicProblem('bad_version', `${option} must be a whole number from 1; raise it when ${standsFor} changes`)
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

/** An option that is an object with some of these fields and no others. @throws {TopicProblem} `bad_window` */
export function record<Field extends string>(
  option: string,
  value: unknown,
  fields: readonly Field[],
): Readonly<Partial<Record<Field, unknown>>> {
  const shape = `{ ${fields.join(', ')} }`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TopicProblem('bad_window', `${option} must be ${shape}`)
  }
  const unknown = Object.keys(value).find((name) => !fields.some((field) => field === name))
  if (unknown !== undefined) {
    throw new TopicProblem('bad_window', `${option} has no ${unknown}; it is ${shape}.${didYouMean(unknown, fields)}`)
  }
  return value as Readonly<Partial<Record<Field, unknown>>>
}

/**
 * A misspelt option would silently leave its default in force. Absent options are a matter of those that are required.
 *
 * @throws {TopicProblems} with every one there is not
 */
export function knownOptions(value: unknown, names: readonly string[], code: ProblemCode = 'bad_option'): void {
  if (value === undefined) return
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TopicProblem(code, `the options must be an object with ${names.join(', ')}`)
  }
  const problems = Object.keys(value)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const advice = didYouMean(name, names) || ` There are ${names.join(', ')}.`
      return new TopicProblem(code, `there is no option ${name}.${advice}`)
    })
  if (problems.length > 0) throw new TopicProblems(problems)
}

/** One of some words, or the first of them when absent. @throws {TopicProblem} `bad_window` */
export function oneOf<Word extends string>(option: string, value: unknown, words: readonly [Word, ...Word[]]): Word {
  if (value === undefined) return words[0]
  const word = words.find((candidate) => candidate === value)
  if (word !== undefined) return word
  throw new TopicProblem('bad_window', `${option} is ${JSON.stringify(value)}; it must be one of ${words.join(', ')}`)
}
