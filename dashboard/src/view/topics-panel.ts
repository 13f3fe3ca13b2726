import type { Monitor } from '../model/monitor.ts'
import { HISTORY_STEPS, type Rate } from '../model/rates.ts'
import type { Topic } from '../model/topics.ts'
import { element, setText } from './element.ts'
import { formatCount, formatRate } from './format.ts'
import { addressOf } from './navigation.ts'
import { Sparkline } from './sparkline.ts'

/** Every topic with its rate. Late topics appear with their first event: empty is what they should be. */
export class TopicsPanel {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #rows: readonly TopicRow[]

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.#rows = monitor.topics.map((topic) => new TopicRow(topic))
    const head = element(
      'tr',
      {},
      element('th', { scope: 'col' }, 'Topic'),
      element('th', { scope: 'col', class: 'trend' }, 'Minute'),
      element('th', { scope: 'col', class: 'number' }, 'Per s'),
      element('th', { scope: 'col', class: 'number' }, 'Stored'),
    )
    const rows = this.#rows.map(({ root }) => root)
    this.root = element(
      'section',
      { class: 'panel live', 'aria-labelledby': 'topics-title' },
      element('h2', { id: 'topics-title' }, 'Topics'),
      element('table', { class: 'topics' }, element('thead', {}, head), element('tbody', {}, ...rows)),
    )
  }

  draw(): void {
    for (const row of this.#rows) row.draw(this.#monitor.rates.read(row.topic.name))
  }
}

class TopicRow {
  readonly topic: Topic
  readonly root: HTMLElement
  readonly #rate = element('td', { class: 'number' })
  readonly #total = element('td', { class: 'number' })
  readonly #sparkline = new Sparkline(HISTORY_STEPS)

  constructor(topic: Topic) {
    this.topic = topic
    const origin = topic.from === undefined ? [topic.kind] : [`${topic.kind} of `, ...breakable(topic.from.join(', '))]
    const link = element('a', { href: addressOf('topics', topic.name) }, ...breakable(topic.name))
    const name = element('th', { scope: 'row' }, link, element('small', {}, ...origin))
    const trend = element('td', { class: 'trend' })
    trend.append(this.#sparkline.root)
    this.root = element('tr', { 'data-topic': topic.name }, name, trend, this.#rate, this.#total)
  }

  draw({ perSecond, total, history }: Rate): void {
    this.root.hidden = this.topic.kind === 'late' && total === 0
    this.root.classList.toggle('idle', perSecond === 0)
    setText(this.#rate, formatRate(perSecond))
    setText(this.#total, formatCount(total))
    this.#sparkline.draw(history)
  }
}

/** A topic name may wrap after its dots. */
function breakable(name: string): (Node | string)[] {
  return name.split(/(?<=\.)/).flatMap((word, index) => (index === 0 ? [word] : [element('wbr'), word]))
}
