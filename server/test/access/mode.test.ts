import { expect, it } from 'vitest'
import { anonymousMode, modeWarning } from '../../src/access/index.ts'

const choice = { host: '127.0.0.1', anonymous: undefined, hasIdentities: false, hasRules: false } as const

it('ACC-DOOR-6 nobody is asked only on a loopback address where nothing says otherwise, or where it is said', () => {
  for (const host of [
    '127.0.0.1',
    '127.8.0.1',
    '127.1',
    'localhost',
    'LocalHost.',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
  ]) {
    expect([host, anonymousMode({ ...choice, host })]).toEqual([host, 'local'])
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    'example.org',
    '127.0.0.1.example.org',
    'localhost.example.org',
    '1127.0.0.1',
    '127.0.0.999',
    '::ffff:10.0.0.1',
  ]) {
    expect([host, anonymousMode({ ...choice, host })]).toEqual([host, 'rules'])
  }
  expect(anonymousMode({ ...choice, hasIdentities: true })).toBe('rules')
  expect(anonymousMode({ ...choice, hasRules: true })).toBe('rules')
  expect(anonymousMode({ ...choice, anonymous: 'rules' })).toBe('rules')
  expect(anonymousMode({ ...choice, host: '0.0.0.0', anonymous: 'all' })).toBe('everything')
})

it('ACC-DOOR-6 the operator is told when everybody on a network is let in, and when nobody can be', () => {
  expect(modeWarning(choice, { isOpen: true, isShut: false })).toBeUndefined()
  for (const host of ['0.0.0.0', '127.0.0.1']) {
    expect(modeWarning({ host, anonymous: 'all' }, { isOpen: true, isShut: false })).toMatch(
      /read and write everything/,
    )
  }
  expect(modeWarning({ ...choice, host: '0.0.0.0' }, { isOpen: false, isShut: true })).toMatch(/TIDEGATE_JWT_SECRET/)
  expect(modeWarning({ ...choice, host: '0.0.0.0' }, { isOpen: false, isShut: false })).toBeUndefined()
})
