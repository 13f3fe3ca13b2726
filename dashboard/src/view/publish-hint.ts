import { publishCommand } from '../model/example-event.ts'
import type { Monitor } from '../model/monitor.ts'
import { copyButton } from './copy-code.ts'
import { element } from './element.ts'

/** Until the first event is stored: how to publish one. */
export class PublishHint {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #topics: ReadonlySet<string>

  constructor(monitor: Monitor, origin: string) {
    this.#monitor = monitor
    this.#topics = new Set(monitor.topics.map(({ name }) => name))
    this.root = element(
      'section',
      { class: 'notice', id: 'hint', hidden: '' },
      element('p', {}, 'Nothing has been stored since Tidegate started. Publish an event:'),
    )
    const source = monitor.topics.find(({ kind }) => kind === 'source')
    if (source === undefined) return
    const command = publishCommand(origin, source)
    this.root.append(element('pre', {}, command), ...copyButton('Copy', () => command))
  }

  draw(): void {
    const { rates, operations } = this.#monitor
    // Others do not see what is stored of every topic.
    this.root.hidden = operations.kind !== 'shown' || rates.readAll(this.#topics).total > 0
  }
}
