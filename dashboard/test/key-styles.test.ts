import { describe, expect, test } from 'vitest'
import { KeyStyles, STYLES } from '../src/model/key-styles.ts'

describe('key styles', () => {
  test('of - a key has one style, whatever it is drawn with', () => {
    const styles = new KeyStyles()
    const [a, b] = styles.of(['a', 'b'])
    expect(styles.of(['x', 'b', 'a']).slice(1)).toEqual([b, a])
    expect([styles.known('a'), styles.known('never drawn')]).toEqual([a, undefined])
  })

  test('of - keys that are drawn together look different, as long as there are styles', () => {
    const styles = new KeyStyles()
    styles.of(Array.from({ length: 17 }, (_, i) => `other-${i}`))
    const keys = Array.from({ length: STYLES }, (_, i) => `k-${i}`)
    expect(new Set(styles.of(keys)).size).toBe(STYLES)
  })
})
