/** What is hidden of topics and entities: by name, paths of fields. */
export type Hides = Readonly<Record<string, readonly string[]>>

/** Of one rule or token: each event that is shown is looked through for them. */
const MAX_HIDDEN_FIELDS = 256

const NAME = /^[a-z][a-z0-9_.]*$/
const MAX_PATH_CHARS = 512

/** Reads `{ 'user.profile': ['email', 'address.street'] }`. @param wrong is called for everything that is not one */
export function readHides(value: unknown, wrong: (message: string) => void): Hides {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    wrong("hide must be an object such as { 'user.profile': ['email'] }")
    return {}
  }
  const entries = Object.entries(value).filter(([name, paths]: [string, unknown]) => {
    const isRead = NAME.test(name) && Array.isArray(paths) && paths.every(isPath)
    if (!isRead)
      wrong(`hide: ${name.slice(0, 128)} must be the name of a topic or an entity, with a list of its fields`)
    return isRead
  })
  if (entries.flatMap(([, paths]) => paths).length > MAX_HIDDEN_FIELDS) {
    wrong(`hide: more than ${MAX_HIDDEN_FIELDS} fields`)
  }
  return Object.fromEntries(entries) as Hides
}

function isPath(path: unknown): boolean {
  return typeof path === 'string' && path.length <= MAX_PATH_CHARS && path.split('.').every((name) => name !== '')
}
