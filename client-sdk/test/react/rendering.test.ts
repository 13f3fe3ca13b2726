import { createElement, Fragment, type ReactNode, Suspense } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test, vi } from 'vitest'
import { createClient } from '../../src/node.ts'
import * as hooks from '../../src/react.ts'

const { TidegateProvider, useEntity, useLatest, usePresence, useStatus, useSubscription, useWindow } = hooks

function render(...components: (() => ReactNode)[]) {
  const client = createClient({ url: 'http://127.0.0.1:1' })
  const subscribe = vi.spyOn(client, 'subscribe')
  const children = createElement(Fragment, {}, ...components.map((component, key) => createElement(component, { key })))
  try {
    return { html: renderToString(createElement(TidegateProvider, { client, children })), subscribe }
  } finally {
    void client.close({ deadlineMs: 0 })
  }
}

test('C-REACT-7 on a server hooks are loading, with suspense it is the fallback, and nothing is opened', () => {
  const All = () =>
    [
      useLatest('a').status,
      useLatest('a', { key: 'k' }).data === undefined,
      useSubscription('a').data.length,
      useSubscription('a', () => {}).status,
      useWindow('a').data.length,
      useEntity('e', 'k').version === undefined,
      usePresence('a').data.size,
      useStatus(),
    ].join()
  const Suspending = () => `${useLatest('a', { suspense: true }).data.size} keys`
  const Boundary = () => createElement(Suspense, { fallback: 'fallback' }, createElement(Suspending))
  const { html, subscribe } = render(All, Boundary)
  expect(html).toMatch(/^loading,true,0,loading,0,true,0,idle<!--\$!-->.*fallback<!--\/\$-->$/s)
  expect(subscribe).not.toHaveBeenCalled()
})

test('C-REACT-2 without selector, name or key nothing is followed', () => {
  const Idle = () =>
    [
      useLatest(undefined),
      useLatest('a', { key: undefined }),
      useSubscription(undefined, () => {}),
      useWindow('a', { key: undefined }),
      useEntity('e', undefined),
      usePresence(undefined, { suspense: true }),
    ]
      .map(({ status }) => status)
      .join()
  expect(render(Idle).html).toBe('idle,idle,idle,idle,idle,idle')
})

test('C-REACT-13 without a provider, and for an option that there is not, a hook says what to do', () => {
  const Bare = () => useStatus()
  expect(() => renderToString(createElement(Bare))).toThrow('need a <TidegateProvider client={client}> above them')
  const options = { suspence: true } as object
  expect(() => render(() => useLatest('a', options).status)).toThrow(
    'useLatest has no "suspence". Did you mean "suspense"?',
  )
  expect(() => render(() => useEntity('a', 'k', options).status)).toThrow('useEntity has no "suspence".')
  expect(() => render(() => usePresence('a', options).status)).toThrow('usePresence has no "suspence".')
  expect(() => render(() => useWindow('a', { pastMs: '1h' } as object).status)).toThrow(
    'useWindow.pastMs: expected a number, got "1h"',
  )
  const swapped = [() => {}, { keys: ['k'] }] as unknown as [() => void]
  expect(() => render(() => useSubscription('a', ...swapped).status)).toThrow(
    'useSubscription: expected an object, got a function',
  )
})
