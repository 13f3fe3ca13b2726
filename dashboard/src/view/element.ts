type Attributes = Readonly<Record<string, string>>

/** Creates an element with attributes and children. Text is always text: nothing received is ever parsed as HTML. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const created = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value)
  created.append(...children)
  return created
}

/** Sets the text only if it differs: an unchanged one must not disturb a selection or a screen reader. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
