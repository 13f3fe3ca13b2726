import { expectKind } from './arguments.ts'

/** Adds a listener. Returns what removes it. @param name of the method that was called @throws TypeError for what is no function */
export function listen<Argument>(
  name: string,
  listeners: Set<(argument: Argument) => void>,
  listener: (argument: Argument) => void,
): () => void {
  expectKind(name, 'a function', listener)
  listeners.add(listener)
  return () => listeners.delete(listener)
}
