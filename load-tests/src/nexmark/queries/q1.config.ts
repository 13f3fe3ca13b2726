import { defineConfig } from 'tidegate'
import { bidsByAuction } from '../topics.ts'

const EUROS_PER_1000_DOLLARS = 908

const euros = bidsByAuction
  .map((bid) => ({ ...bid, price: (bid.price * EUROS_PER_1000_DOLLARS) / 1_000 }))
  .to('nexmark.q1', { version: 1 })

export default defineConfig({ topics: [bidsByAuction, euros] })
