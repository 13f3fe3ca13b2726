import { element, setText } from './element.ts'

const COPIED_MS = 2_000

/** A button that puts a text on the clipboard; nothing where there is none: it exists only on https and localhost. */
export function copyButton(label: string, text: () => string): HTMLButtonElement[] {
  if (!('clipboard' in navigator)) return []
  const copy = element('button', { type: 'button' }, label)
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text())
    setText(copy, 'Copied')
    setTimeout(() => setText(copy, label), COPIED_MS)
  })
  return [copy]
}
