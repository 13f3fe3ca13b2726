import { ReplyError } from 'ioredis'

/**
 * ioredis notes in an error the command it is about, with its arguments: the events of an append, the password of AUTH.
 * Whoever prints the error prints them too. From here on only the name is noted, for every connection of this process.
 */
export function keepArgumentsOutOfErrors(): void {
  const anyRedisError = Object.getPrototypeOf(ReplyError.prototype)
  Object.defineProperty(anyRedisError, 'command', {
    configurable: true,
    set(this: Error, { name }: { readonly name: string }) {
      Object.defineProperty(this, 'command', { value: { name }, enumerable: true, configurable: true })
    },
  })
}
