import { element } from './element.ts'

/** A control of a form under its label. */
export function labelled(label: string, control: HTMLElement): HTMLElement {
  return element('label', {}, element('span', { class: 'caption' }, label), control)
}
