import { query } from '../query.ts'
import config from './q1.config.ts'

export const q1 = query('q1', config, {
  description: 'Currency conversion: every bid with its price in euros',
  keyField: 'auction',
  expected: (bids) => new Map(bids.map(({ id, data }) => [id, { ...data, price: euros(data.price) }])),
})

/** By decimal digits, to the tenth of a cent. */
function euros(price: number): number {
  const tenths = `${BigInt(price) * 908n}`.padStart(4, '0')
  return Number(`${tenths.slice(0, -3)}.${tenths.slice(-3)}`)
}
