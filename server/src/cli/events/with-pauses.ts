/**
 * The items of a source, and `undefined` wherever none has come for a while: what was gathered until then need not wait. A source that
 * waits is not waited for at an early end.
 */
export async function* withPauses<T>(items: AsyncIterable<T>, pauseMs: number): AsyncGenerator<T | undefined> {
  const iterator = items[Symbol.asyncIterator]()
  let onPause = () => {}
  const timer = setTimeout(() => onPause(), pauseMs)
  try {
    for (;;) {
      const next = iterator.next()
      // While a pause is dealt with nobody waits for it.
      next.catch(() => {})
      const pause = new Promise<'pause'>((resolve) => {
        onPause = () => resolve('pause')
      })
      timer.refresh()
      if ((await Promise.race([next, pause])) === 'pause') yield undefined
      const { done, value } = await next
      if (done === true) return
      yield value
    }
  } finally {
    clearTimeout(timer)
    void iterator.return?.()
  }
}
