import type { Monitor } from '../model/monitor.ts'
import { element, setText } from './element.ts'
import { formatRate } from './format.ts'
import { addressOf } from './navigation.ts'
import { Roving } from './roving.ts'
import { type TailClient, TopicExplorer } from './topic-explorer.ts'
import type { View } from './view.ts'

export type { TailClient } from './topic-explorer.ts'

/** All topics, and the events of one of them. */
export class TopicsView implements View {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #client: TailClient
  readonly #list = element('nav', { class: 'topic-list panel', 'aria-label': 'Topics' })
  readonly #rates = new Map<string, HTMLElement>()
  readonly #links = new Map<string, HTMLElement>()
  readonly #place = element('div', { class: 'topic-place' })
  #explorer: TopicExplorer | undefined

  constructor(monitor: Monitor, client: TailClient) {
    this.#monitor = monitor
    this.#client = client
    for (const { name } of monitor.topics) {
      const rate = element('span', { class: 'value' })
      const link = element('a', { href: addressOf('topics', name) }, element('span', { class: 'name' }, name), rate)
      this.#rates.set(name, rate)
      this.#links.set(name, link)
      this.#list.append(link)
    }
    new Roving(this.#list, 'a').refresh()
    this.root = element('div', { class: 'view topic-columns', id: 'topics' }, this.#list, this.#place)
  }

  show([named]: readonly string[]): void {
    const topic = this.#monitor.topics.find(({ name }) => name === named) ?? this.#monitor.topics[0]
    if (topic === undefined) {
      this.#place.replaceChildren(element('p', { class: 'panel empty' }, 'There is no topic that you may read.'))
      return
    }
    if (this.#explorer?.topic === topic) return
    this.#explorer?.close()
    for (const [name, link] of this.#links) {
      if (name === topic.name) link.setAttribute('aria-current', 'true')
      else link.removeAttribute('aria-current')
    }
    this.#explorer = new TopicExplorer(topic, this.#client, this.#monitor.keyStyles)
    this.#place.replaceChildren(this.#explorer.root)
  }

  hide(): void {
    this.#explorer?.close()
    this.#explorer = undefined
    this.#place.replaceChildren()
  }

  draw(): void {
    for (const [name, rate] of this.#rates) {
      setText(rate, this.#monitor.rates.isKnown ? formatRate(this.#monitor.rates.read(name).perSecond) : '')
    }
    this.#explorer?.draw()
  }
}
