/** Words of a usage that can be typed behind the name of its command. */
export interface UsageWords {
  /** `create`, `list`, `revoke`. */
  readonly actions: readonly string[]
  /** With their dashes. */
  readonly options: readonly string[]
}

const ACTION = /^tidegate [a-z-]+ ([a-z][a-z-]*)\b/gm
const OPTION = /(?<![\w-])--[a-z][a-z-]*/g

/** Read from the text that people read, so that neither lacks what the other has. */
export function usageWords(usage: string): UsageWords {
  const [described = ''] = usage.split('\nExamples:\n')
  return {
    actions: [...new Set([...described.matchAll(ACTION)].map(([, action]) => action!))],
    options: [...new Set([...described.matchAll(OPTION)].map(([option]) => option))].sort(),
  }
}
