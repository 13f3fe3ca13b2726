import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'

/** File and line at which a config could not be loaded, such as `tidegate.config.ts:12`; `undefined` where nobody says. */
export function faultPlace(error: Error, path: string): string | undefined {
  const file = resolve(path)
  const name = basename(file)
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    for (const text of [cause.message, cause.stack ?? '']) {
      const line = lineBehind(text, name)
      if (line !== undefined && line <= lines(file)) return `${name}:${line}`
    }
  }
  return undefined
}

/** The number behind the first `<name>:` of a text, or `<name>?<query>:`. */
function lineBehind(text: string, name: string): number | undefined {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const line = /^(?:\?[^\s:]*)?:(\d+)/.exec(text.slice(at + name.length, at + name.length + 80))?.[1]
    if (line !== undefined) return Number(line)
  }
  return undefined
}

function lines(file: string): number {
  try {
    return readFileSync(file, 'utf8').split('\n').length
  } catch {
    return 0
  }
}
