import { amountText, secondText } from './format.ts'
import { useSubscription } from './tidegate.ts'

const SHOWN_ORDERS = 10

export interface Order {
  readonly orderId: string
  readonly userId: string
  readonly amount: number
}

interface OrdersProps {
  readonly chosen: string | undefined
  readonly onChoose: (order: Order) => void
}

/** The newest orders. One of them can be chosen. */
export function Orders({ chosen, onChoose }: OrdersProps) {
  const { data: orders, gap } = useSubscription('commerce.order_placed', { limit: SHOWN_ORDERS })
  return (
    <section className="orders" aria-label="Orders">
      <h2>Orders</h2>
      {orders.length === 0 && <p className="muted">Orders appear here as they are placed.</p>}
      <ol>
        {orders.toReversed().map(({ id, time, data: order }) => (
          <li key={id}>
            <button type="button" aria-pressed={order.orderId === chosen} onClick={() => onChoose(order)}>
              <span>{order.orderId}</span>
              <span className="muted">{order.userId}</span>
              <span className="amount">{amountText(order.amount)}</span>
              <time className="muted">{secondText(time)}</time>
            </button>
          </li>
        ))}
      </ol>
      {gap !== undefined && <p className="muted">{gap.count ?? 'Some'} orders are not shown: they came too fast.</p>}
    </section>
  )
}
