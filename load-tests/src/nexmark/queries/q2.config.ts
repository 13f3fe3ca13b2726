import { defineConfig } from 'tidegate'
import { bidsByAuction } from '../topics.ts'

const selected = bidsByAuction
  .filter(({ auction }) => Number(auction) % 123 === 0)
  .map(({ auction, price }) => ({ auction, price }))
  .to('nexmark.q2', { version: 1 })

export default defineConfig({ topics: [bidsByAuction, selected] })
