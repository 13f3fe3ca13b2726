import { setTimeout as sleep } from 'node:timers/promises'

/** After the first answer the others have this long: one that hangs MUST NOT hold up a connection. */
const OTHERS_MS = 100

/** What came of a question to several at once: answers, or, where nobody has answered, why not. */
export type Asked<T> =
  | { readonly answers: readonly [T, ...T[]]; readonly errors?: undefined }
  | { readonly answers?: undefined; readonly errors: readonly Error[] }

/** Waits for the first answer, and a moment for the others. */
export async function askAll<T>(questions: readonly Promise<T>[]): Promise<Asked<T>> {
  const answers: T[] = []
  const asked = questions.map(async (question) => {
    answers.push(await question)
  })
  const all = Promise.allSettled(asked)
  await Promise.any(asked).catch(() => {})
  if (answers.length > 0) await Promise.race([all, sleep(OTHERS_MS)])
  const [first, ...others] = answers
  if (first !== undefined) return { answers: [first, ...others] }
  return { errors: (await all).flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : [])) }
}
