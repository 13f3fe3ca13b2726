import type { KeyStyles } from '../model/key-styles.ts'
import { element } from './element.ts'
import { swatchClass } from './theme.ts'

/** A key, behind the colour that it has in the charts. */
export function keyElement(key: string, styles: KeyStyles): HTMLElement {
  const style = styles.known(key)
  const swatch = style === undefined ? [] : [element('span', { class: swatchClass(style) })]
  return element('span', { class: 'key', title: key }, ...swatch, key)
}
