import type { Monitor } from '../model/monitor.ts'
import { HISTORY_STEPS } from '../model/rates.ts'
import { isBehind, openBreakers, type StatusAnswer, worstP99 } from '../model/status.ts'
import { DEAD_LETTERS } from './dead-letters-panel.ts'
import { element, setText } from './element.ts'
import { formatAge, formatCount, formatLatency, formatRate } from './format.ts'
import { Sparkline } from './sparkline.ts'

/** The numbers that tell at a glance whether all is well. */
export class Summary {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #sources: ReadonlySet<string>
  readonly #rate = element('dd', { id: 'total-rate' })
  readonly #sparkline = new Sparkline(HISTORY_STEPS)
  readonly #stored = new Tile('Stored, p99', 'From the arrival of events until they are stored; of the slowest gateway')
  readonly #delivered = new Tile(
    'Delivered, p99',
    'From the store until events are written to sockets; of the slowest gateway',
  )
  readonly #lag = new Tile('Lag', 'Age of the oldest event that is not computed yet')
  readonly #breakers = new Tile('Breakers', 'Whether calls to Redis are held back')
  readonly #nodes = new Tile('Processes', 'Gateways and workers')
  readonly #clients = new Tile('Clients', 'Open connections')
  readonly #letters = new Tile(
    'Dead letters',
    'Events on which code failed since the workers started; marked while some are stored',
  )

  readonly #tiles = [
    ...[this.#stored, this.#delivered, this.#lag, this.#breakers, this.#nodes, this.#clients],
    this.#letters,
  ]

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.#sources = new Set(monitor.topics.filter(({ kind }) => kind === 'source').map(({ name }) => name))
    const rateTile = element('div', { class: 'tile wide' }, element('dt', {}, 'Published per second'), this.#rate)
    rateTile.append(this.#sparkline.root)
    this.root = element('dl', { class: 'summary live' }, rateTile, ...this.#tiles.map(({ root }) => root))
  }

  draw(): void {
    const { rates, operations } = this.#monitor
    const { perSecond, history } = rates.readAll(this.#sources)
    setText(this.#rate, rates.isKnown ? formatRate(perSecond) : '–')
    this.#sparkline.draw(history)
    this.#drawStatus(operations.kind === 'shown' ? operations.status : undefined)
  }

  #drawStatus(status: StatusAnswer | undefined): void {
    for (const { root } of this.#tiles) root.hidden = status === undefined
    if (status === undefined) return
    const { gateways, workers, partitions } = status
    this.#stored.show(latencyText(worstP99(status, 'publishToStore')))
    this.#delivered.show(latencyText(worstP99(status, 'storeToSocket')))
    const lagMs = Math.max(0, ...partitions.map((partition) => partition.lagMs ?? 0))
    const ownerless = partitions.filter(({ isOwned }) => !isOwned).length
    const lagText = ownerless > 0 ? `${ownerless} without owner` : formatAge(lagMs)
    this.#lag.show(lagText, ownerless > 0 || isBehind(lagMs))
    const open = [...gateways, ...workers].flatMap(({ breakers }) => openBreakers(breakers)).length
    this.#breakers.show(open === 0 ? 'closed' : `${open} open`, open > 0)
    const ready = gateways.filter((gateway) => gateway.ready).length
    const isRed = ready < gateways.length || workers.length === 0
    this.#nodes.show(`${ready}/${gateways.length} + ${workers.length}`, isRed)
    this.#clients.show(formatCount(gateways.reduce((sum, { sessions }) => sum + sessions, 0)))
    const dead = this.#monitor.rates.endingIn(DEAD_LETTERS).reduce((sum, { total }) => sum + total, 0)
    const areStored = (status.deadLetters ?? []).length > 0
    // Those of before the workers started are not counted.
    this.#letters.show(areStored && dead === 0 ? 'some' : formatCount(dead), areStored)
  }
}

function latencyText(ms: number | undefined): string {
  return ms === undefined ? '–' : formatLatency(ms)
}

class Tile {
  readonly root: HTMLElement
  readonly #value = element('dd')

  constructor(label: string, title: string) {
    this.root = element('div', { class: 'tile', title }, element('dt', {}, label), this.#value)
  }

  show(text: string, isBad = false): void {
    setText(this.#value, text)
    this.root.classList.toggle('alert', isBad)
  }
}
