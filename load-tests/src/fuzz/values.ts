import { LANES } from '@tidegate/protocol'
import fc from 'fast-check'
import { NASTY_TEXTS } from './nasty.ts'

/** Values of fields as clients send them: most are right, and often about the same few things. */
export const TOPICS = ['sensor.reading', 'commerce.payment_received', 'sensor.hot', 'sensor.1m', 'user.state'] as const
export const topic = fc.constantFrom(...TOPICS)
export const selector = fc.oneof(topic, fc.constantFrom('>', '*', 'sensor.*', 'commerce.>', 'nothing.here'))
export const lane = fc.constantFrom(...LANES)
export const key = fc.oneof(fc.constantFrom('s-1', 's-2', 'o-9'), fc.constantFrom(...NASTY_TEXTS))
export const count = fc.oneof(fc.nat({ max: 100 }), fc.constantFrom(0, 1, 1_000, 99_999_999_999_999))
const epoch = fc.constantFrom('1', '2', 'k3f9', 'zzzzzzzzzzzzzzzz')
const streamId = fc.oneof(
  fc.tuple(fc.nat({ max: 5_000 }), fc.nat({ max: 3 })).map(([ms, sequence]) => `${1_732_350_000_000 + ms}-${sequence}`),
  fc.constantFrom('0-0', '1-18446744073709551615', '1-18446744073709551616', '9999999999999999-0', '5-999999999'),
)
const index = fc.constantFrom(0, 1, 7, 999_998, 999_999)
export const logEpoch = fc.tuple(fc.nat({ max: 5 }), epoch).map(([partition, text]) => `${partition}@${text}`)
export const position = fc.tuple(logEpoch, streamId, index).map(([log, id, at]) => `${log}/${id}.${at}`)
export const positions = fc.dictionary(
  fc.oneof(
    { weight: 6, arbitrary: topic as fc.Arbitrary<string> },
    { weight: 1, arbitrary: fc.constantFrom('constructor', '__proto__', 'x.y') },
  ),
  fc.dictionary(lane as fc.Arbitrary<string>, fc.array(position, { maxLength: 4 }), { maxKeys: 3 }),
  { maxKeys: 3 },
)
export const version = fc.oneof(
  count,
  fc.tuple(count, epoch).map(([number, text]) => `${number}@${text}`),
)
const time = fc.oneof(fc.integer({ min: 1_732_340_000_000, max: 1_732_350_000_000 }), fc.constantFrom(0, -1, 8.64e15))

const reading = fc.record({
  sensorId: key,
  temperature: fc.double({ noNaN: true, noDefaultInfinity: true }),
  humidity: fc.nat(),
})
const payment = fc.record({
  paymentId: fc.constant('p'),
  orderId: key,
  amount: fc.nat({ max: 5_000 }),
  currency: fc.constant('EUR'),
})
export const data = fc.oneof(reading, payment)
export const event = fc.record(
  { data, id: fc.constantFrom('e-1', 'e-2'), time, source: fc.constantFrom('gw', '') },
  { requiredKeys: ['data'] },
)
