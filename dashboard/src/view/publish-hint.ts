import { publishCommand } from '../model/example-event.ts'
import type { Monitor } from '../model/monitor.ts'
import { element, setText } from './element.ts'

const COPIED_MS = 2_000

/** Until the first event arrives: how to publish one. */
export class PublishHint {
  readonly root: HTMLElement
  readonly #monitor: Monitor

  constructor(monitor: Monitor, origin: string) {
    this.#monitor = monitor
    this.root = element(
      'section',
      { class: 'notice', id: 'hint' },
      element('p', {}, 'Nothing has arrived since this page was opened. Publish an event:'),
    )
    const source = monitor.topics.find(({ kind }) => kind === 'source')
    if (source !== undefined) this.root.append(...command(publishCommand(origin, source)))
  }

  draw(nowMs: number): void {
    this.root.hidden = this.#monitor.rates.readTotal(nowMs).total > 0
  }
}

function command(text: string): HTMLElement[] {
  const copy = element('button', { type: 'button' }, 'Copy')
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text)
    setText(copy, 'Copied')
    setTimeout(() => setText(copy, 'Copy'), COPIED_MS)
  })
  // The clipboard exists only on https and localhost.
  return [element('pre', {}, text), ...('clipboard' in navigator ? [copy] : [])]
}
