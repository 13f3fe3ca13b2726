/**
 * Makes a value of JSON unchangeable, so that a handler that changes what it was given fails instead of changing what others
 * see. What is frozen already is not walked again: a state that shares most of the one before costs what is new in it.
 */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
  return value
}
