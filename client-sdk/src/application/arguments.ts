import { didYouMean } from '@tidegate/protocol'
import type { AbortSignal } from './abort-signal.ts'

/** Characters of a wrong value that an error shows. */
const SHOWN_CHARS = 60

/** Kinds of arguments, as errors call them: the type behind the article. Types are gone at run time. */
export type Kind = 'a string' | 'a function' | 'an object' | 'a boolean' | 'a number' | 'an AbortSignal'

/** @throws TypeError naming the argument and the value */
export function expectKind(name: string, kind: Kind, value: unknown): void {
  if (!isOfKind(kind, value)) throw wrong(name, kind, value)
}

/**
 * Checks an options object: no other members than these, and those of their kinds. Every event that is published is one: its
 * names are put together only where one is refused.
 *
 * @throws TypeError naming the member
 */
export function expectOptions(name: string, members: Readonly<Record<string, Kind | null>>, value: unknown): void {
  expectKind(name, 'an object', value)
  for (const member in value as object) {
    if (!Object.hasOwn(members, member)) {
      const names = Object.keys(members)
      throw new TypeError(`${name} has no "${member}".${didYouMean(member, names) || ` It has ${names.join(', ')}.`}`)
    }
    const given = (value as Readonly<Record<string, unknown>>)[member]
    const kind = members[member]
    if (kind && given !== undefined && !isOfKind(kind, given)) throw wrong(`${name}.${member}`, kind, given)
  }
}

function isOfKind(kind: Kind, value: unknown): boolean {
  // By what signals of every realm have, and their controllers have not.
  const isSignal = kind === 'an AbortSignal' && typeof (value as Partial<AbortSignal> | null)?.aborted === 'boolean'
  return (isSignal || kind.endsWith(typeof value)) && value !== null && !Array.isArray(value) && !Number.isNaN(value)
}

/** @throws TypeError for what JSON has no form for, such as a BigInt or a cycle: sent later, it would fail where nobody could tell why */
export function jsonOf(name: string, value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw new TypeError(`${name}: ${(error as Error).message}`)
  }
}

export function wrong(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name}: expected ${expected}, got ${show(value)}`)
}

function show(value: unknown): string {
  let text = typeof value === 'function' ? 'a function' : String(value)
  try {
    if (typeof value !== 'number') text = JSON.stringify(value) ?? text
  } catch {
    // It has a cycle or a BigInt.
  }
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text
}
