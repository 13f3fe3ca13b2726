/** A media type in lower case, with its parameters; values as they were sent. */
export interface MediaType {
  /** `type/subtype`. */
  readonly essence: string
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]+"
const ESSENCE = new RegExp(`^(${TOKEN}/${TOKEN})[ \\t]*(?:;|$)`, 'i')
/**
 * One parameter, or none between two semicolons, up to the next semicolon. Blanks have one place at a time where they match:
 * with two, a line of them would be tried at every length of the first.
 */
const PARAMETER = new RegExp(`[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*)?(?:;|$)`, 'iy')

/** Parses a `Content-Type` (RFC 9110, 8.3); `undefined` if it is malformed or repeats a parameter. */
export function parseMediaType(text: string): MediaType | undefined {
  const essence = ESSENCE.exec(text)
  if (essence === null) return undefined
  const parameters = new Map<string, string>()
  PARAMETER.lastIndex = essence[0].length
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text)
    if (match === null) return undefined
    const [, name, token, quoted = ''] = match
    if (name === undefined) continue
    if (parameters.has(name.toLowerCase())) return undefined
    parameters.set(name.toLowerCase(), token ?? quoted.replace(/\\(.)/g, '$1'))
  }
  return { essence: essence[1]!.toLowerCase(), parameters }
}

/** Whether content of that type is JSON text. */
export function isJson({ essence }: MediaType): boolean {
  return /[/+]json$/.test(essence)
}
