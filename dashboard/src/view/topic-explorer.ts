import type { Subscription, TidegateClient } from '@tidegate/client'
import type { KeyStyles } from '../model/key-styles.ts'
import type { ReceivedEvent } from '../model/recent-events.ts'
import { MAX_ROWS, Tail } from '../model/tail.ts'
import { sdkCode, subscribeOptions, type TailQuery } from '../model/tail-query.ts'
import type { Topic } from '../model/topics.ts'
import { keptToken } from '../token.ts'
import { copyButton } from './copy-code.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'
import { TailForm } from './tail-form.ts'
import { TailRows } from './tail-rows.ts'

/** What this needs of a client. */
export type TailClient = Pick<TidegateClient, 'subscribe'>

/** The events of one topic as they are stored, of a key or a filter, from now or from the past. */
export class TopicExplorer {
  readonly root: HTMLElement
  readonly topic: Topic
  readonly #client: TailClient
  readonly #form: TailForm
  readonly #rows: TailRows
  readonly #status = element('p', { class: 'caption tail-status', role: 'status' })
  readonly #problem = element('p', { class: 'bad', role: 'alert', hidden: '' })
  readonly #pause = element('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause')
  readonly #code = element('pre', { class: 'code', hidden: '', tabindex: '0' })
  #tail = new Tail()
  #subscription: Subscription<ReceivedEvent> | undefined
  #query: TailQuery
  #isReady = false
  #withheld = 0
  #orMore = false

  constructor(topic: Topic, client: TailClient, styles: KeyStyles) {
    this.topic = topic
    this.#client = client
    this.#rows = new TailRows(styles)
    this.#form = new TailForm((query) => this.#ask({ topic: topic.name, ...query }))
    this.#query = { topic: topic.name, key: '', where: '', range: { kind: 'live' } }
    const showCode = element('button', { type: 'button', 'aria-expanded': 'false' }, 'SDK code')
    showCode.addEventListener('click', () => {
      this.#code.hidden = !this.#code.hidden
      showCode.setAttribute('aria-expanded', String(!this.#code.hidden))
    })
    this.#pause.addEventListener('click', () => this.#togglePause())
    const actions = [this.#pause, showCode, ...copyButton('Copy as SDK code', () => this.#code.textContent ?? '')]
    this.root = element(
      'section',
      { class: 'panel explorer', 'data-topic': topic.name, 'aria-labelledby': 'explorer-title' },
      element('h2', { id: 'explorer-title' }, topic.name, element('span', { class: 'count' }, topic.kind)),
      this.#form.root,
      element('div', { class: 'tail-head' }, this.#status, ...actions),
      this.#problem,
      this.#code,
      this.#rows.root,
    )
    this.#ask(this.#query)
  }

  draw(): void {
    this.#rows.add(this.#tail.take())
    setText(this.#status, this.#statusText())
  }

  close(): void {
    this.#subscription?.close()
    this.#subscription = undefined
  }

  #ask(query: TailQuery): void {
    this.close()
    this.#query = query
    this.#tail = new Tail()
    this.#rows.clear()
    this.#setPaused(false)
    this.#isReady = false
    this.#withheld = 0
    this.#orMore = false
    this.#problem.hidden = true
    const now = Date.now()
    setText(this.#code, sdkCode(query, location.origin, keptToken() !== undefined, now))
    const [tail, options] = [this.#tail, subscribeOptions(query, now)]
    const subscription = this.#client.subscribe(query.topic, options, (event) => tail.add(event))
    this.#subscription = subscription
    subscription.onGap(({ count }) => {
      if (this.#subscription !== subscription) return
      this.#withheld += count ?? 0
      this.#orMore ||= count === null
    })
    subscription.ready.then(
      () => {
        if (this.#subscription === subscription) this.#isReady = true
      },
      (error: Error) => {
        if (this.#subscription !== subscription) return
        this.#subscription = undefined
        this.#problem.hidden = false
        setText(this.#problem, error.message)
      },
    )
  }

  #togglePause(): void {
    this.#setPaused(!this.#tail.isPaused)
    this.draw()
  }

  #setPaused(isPaused: boolean): void {
    this.#tail.pause(isPaused)
    this.#pause.setAttribute('aria-pressed', String(isPaused))
    setText(this.#pause, isPaused ? 'Resume' : 'Pause')
  }

  #statusText(): string {
    const { count, isPaused, waiting } = this.#tail
    const state = isPaused ? `paused, ${formatCount(waiting)} since` : this.#isReady ? 'live' : 'asking'
    const shown = count > MAX_ROWS ? `last ${MAX_ROWS} of ${formatCount(count)}` : formatCount(count)
    const withheld = `${formatCount(this.#withheld)}${this.#orMore ? ' or more' : ''}`
    const gaps = this.#withheld > 0 || this.#orMore ? ` · ${withheld} withheld` : ''
    if (this.#subscription === undefined) return 'refused'
    return `${state} · ${shown} ${count === 1 ? 'event' : 'events'}${gaps}`
  }
}
