import { connectionFault } from '../connection-fault.ts'
import { NoMaster } from '../errors.ts'

/** What an error says of the address. */
export type KnownFaults = readonly (readonly [matches: RegExp, why: string])[]

/**
 * Why none of those who know where a Redis is has answered. Final if none of them can be hoped to answer otherwise later.
 *
 * @param who "no Sentinel"
 */
export function noAnswer(who: string, errors: readonly Error[], faults: KnownFaults): NoMaster {
  const known = errors.map(({ message }) => faults.find(([matches]) => matches.test(message))?.[1])
  const isFinal = known.every((why) => why !== undefined)
  const why = known.find((one) => one !== undefined) ?? `${who} answers: ${connectionFault(errors[0]!).why}`
  return new NoMaster(why, isFinal)
}
