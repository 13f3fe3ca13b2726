/** That of the browser or of Node. A project whose types have neither sees what both have of it. */
export type AbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : {
      readonly aborted: boolean
      readonly reason: unknown
      throwIfAborted(): void
      addEventListener(type: 'abort', listener: () => void): void
      removeEventListener(type: 'abort', listener: () => void): void
    }

/** Of a call that waits. */
export interface Abortable {
  /** Ends the wait: the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

export const ABORTABLE = { signal: 'an AbortSignal' } as const

/** Calls back when the signal is aborted, at once if it is. Returns what ends that. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener)
  return () => signal.removeEventListener('abort', listener)
}

/** Waits for a result until the signal is aborted. @param stop is called then @throws the reason of the signal */
export function abortable<Result>(
  signal: AbortSignal | undefined,
  result: Promise<Result>,
  stop?: () => void,
): Promise<Result> {
  if (signal === undefined) return result
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => {
      reject(signal.reason)
      stop?.()
    })
    result.then(resolve, reject).finally(forget)
  })
}
