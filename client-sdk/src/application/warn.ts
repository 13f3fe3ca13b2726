/** Says on the console what nothing else of the application would hear of. */
export function warn(text: string): void {
  console.warn(`Tidegate: ${text}`)
}
