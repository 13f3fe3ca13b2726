/** Does something with every item, with so many at a time, in their order. */
export async function eachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  use: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const worker = async () => {
    for (const item of left) await use(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
