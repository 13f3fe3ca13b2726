import { useState } from 'react'
import { ConnectionLine } from './connection-line.tsx'
import { OrderCard } from './order-card.tsx'
import { type Order, Orders } from './orders.tsx'
import { Revenue } from './revenue.tsx'

export function Shop() {
  const [chosen, choose] = useState<Order>()
  return (
    <>
      <header>
        <h1>Shop</h1>
        <ConnectionLine />
      </header>
      <main>
        <Revenue />
        <Orders chosen={chosen?.orderId} onChoose={choose} />
        <OrderCard order={chosen} />
      </main>
    </>
  )
}
