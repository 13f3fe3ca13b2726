import { createRandom } from '../support/random.ts'
import { createText } from './text.ts'
import type { Bid } from './topics.ts'

export interface Person {
  readonly id: string
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly extra: string
}

export interface Auction {
  readonly id: string
  readonly itemName: string
  readonly description: string
  /** Cents, as all prices. */
  readonly initialBid: number
  readonly reserve: number
  /** Ms since 1970. */
  readonly expires: number
  readonly seller: string
  readonly category: number
  readonly extra: string
}

export interface NexmarkOptions {
  readonly seed: number
  /** People, auctions and bids together. */
  readonly events: number
  /** Of event time: how dense the events lie. */
  readonly eventsPerSec: number
  /** Time of the first event, ms since 1970. */
  readonly startTime: number
  /** This many consecutive events come shuffled; 1 keeps them in order. */
  readonly outOfOrderGroup: number
}

interface Timed<Kind extends string, Data> {
  readonly kind: Kind
  readonly id: string
  readonly time: number
  readonly data: Data
}

export type TimedBid = Timed<'bid', Bid>
export type NexmarkEvent = Timed<'person', Person> | Timed<'auction', Auction> | TimedBid

/** Of every 50 events one is a person, three are auctions and the rest bids, in this order. */
const EPOCH = 50
const PEOPLE = 1
const AUCTIONS = 3

const FIRST_ID = 1_000
const FIRST_CATEGORY = 10
const CATEGORIES = 5

/** Every hundredth auction or person is hot until the next hundred begins. */
const HOT_EVERY = 100
/** One in this many does not go to, or come from, the hot ones. */
const COLD_BIDS_OF_AUCTION = 2
const COLD_BIDS_OF_BIDDER = 4
const COLD_AUCTIONS_OF_SELLER = 4

const AUCTIONS_IN_FLIGHT = 100
const ACTIVE_PEOPLE = 1_000
/** Ids may run ahead of the events that introduce them by this much. */
const LEAD = 10

/** Average sizes of events as the benchmark counts them: 8 bytes for a number or time, text as it is. */
const PERSON_BYTES = 200
const AUCTION_BYTES = 500
const BID_BYTES = 100

/** Shuffles a group: a prime, so coprime to any group that is no multiple of it. */
const SHUFFLE = 953

const FIRST_NAMES = 'Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter'.split(',')
const LAST_NAMES = 'Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris'.split(',')
const CITIES = 'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(',')
const STATES = 'AZ,CA,ID,OR,WA,WY'.split(',')

/**
 * The events of the Nexmark auction house, with the proportions, the skew and the sizes of the published generator
 * (github.com/nexmark/nexmark, GeneratorConfig and its defaults). The same options give the same events.
 *
 * @throws {RangeError} for an `outOfOrderGroup` that cannot be shuffled.
 */
export function* generateNexmark(options: NexmarkOptions): Generator<NexmarkEvent> {
  const { seed, events, eventsPerSec, startTime, outOfOrderGroup } = options
  if (outOfOrderGroup % SHUFFLE === 0) throw new RangeError(`outOfOrderGroup must be no multiple of ${SHUFFLE}`)
  const random = createRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const oneOf = (words: readonly string[]) => words[below(words.length)]!
  const { word, padding } = createText(random)
  const price = () => Math.round(10 ** (random() * 6) * 100)
  const timeOf = (n: number) => startTime + Math.floor((n * 1_000) / eventsPerSec)

  const somePerson = (n: number): number => {
    const known = lastPerson(n) + 1
    const active = Math.min(known, ACTIVE_PEOPLE)
    return known - active + below(active + LEAD)
  }
  const someAuction = (n: number): number => {
    const oldest = Math.max(lastAuction(n) - AUCTIONS_IN_FLIGHT, 0)
    return oldest + below(lastAuction(n) - oldest + 1 + LEAD)
  }

  const personAt = (n: number): Person => {
    const person = {
      id: idOf(lastPerson(n)),
      name: `${oneOf(FIRST_NAMES)} ${oneOf(LAST_NAMES)}`,
      emailAddress: `${word(7)}@${word(5)}.com`,
      creditCard: Array.from({ length: 4 }, () => `${below(10_000)}`.padStart(4, '0')).join(' '),
      city: oneOf(CITIES),
      state: oneOf(STATES),
    }
    const { name, emailAddress, creditCard, city, state } = person
    return { ...person, extra: padding(PERSON_BYTES - 8 - (name + emailAddress + creditCard + city + state).length) }
  }
  const auctionAt = (n: number): Auction => {
    const isHot = below(COLD_AUCTIONS_OF_SELLER) > 0
    const initialBid = price()
    // On average as long as it takes until another generation of auctions has begun.
    const horizonMs = timeOf(n + Math.floor((AUCTIONS_IN_FLIGHT * EPOCH) / AUCTIONS)) - timeOf(n)
    const itemName = word(20)
    const description = word(100)
    return {
      id: idOf(lastAuction(n)),
      itemName,
      description,
      initialBid,
      reserve: initialBid + price(),
      expires: timeOf(n) + 1 + below(Math.max(horizonMs * 2, 1)),
      seller: idOf(isHot ? hot(lastPerson(n)) : somePerson(n)),
      category: FIRST_CATEGORY + below(CATEGORIES),
      extra: padding(AUCTION_BYTES - 6 * 8 - itemName.length - description.length),
    }
  }
  const bidAt = (n: number): Bid => ({
    auction: idOf(below(COLD_BIDS_OF_AUCTION) > 0 ? hot(lastAuction(n)) : someAuction(n)),
    // The second of a hundred: the first one is the hot seller.
    bidder: idOf(below(COLD_BIDS_OF_BIDDER) > 0 ? hot(lastPerson(n)) + 1 : somePerson(n)),
    price: price(),
    extra: padding(BID_BYTES - 4 * 8),
  })

  for (let position = 0; position < events; position++) {
    const n = shuffled(position, outOfOrderGroup)
    const of = { id: `n-${n}`, time: timeOf(n) }
    const place = n % EPOCH
    if (place < PEOPLE) yield { kind: 'person', ...of, data: personAt(n) }
    else if (place < PEOPLE + AUCTIONS) yield { kind: 'auction', ...of, data: auctionAt(n) }
    else yield { kind: 'bid', ...of, data: bidAt(n) }
  }
}

/** Number of the newest person when event `n` comes. */
function lastPerson(n: number): number {
  return Math.floor(n / EPOCH) * PEOPLE + Math.min(n % EPOCH, PEOPLE - 1)
}

/** Number of the newest auction when event `n` comes; -1 before the first. */
function lastAuction(n: number): number {
  const place = n % EPOCH
  return Math.floor(n / EPOCH) * AUCTIONS + Math.min(place - PEOPLE, AUCTIONS - 1)
}

function hot(last: number): number {
  return Math.max(0, Math.floor(last / HOT_EVERY)) * HOT_EVERY
}

const idOf = (number: number): string => `${FIRST_ID + number}`

/** Which event stands at a position: each group of positions holds its own events in another order. */
function shuffled(position: number, group: number): number {
  return Math.floor(position / group) * group + ((position * SHUFFLE) % group)
}
