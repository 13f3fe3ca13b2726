import { useState } from 'react'
import { amountText } from './format.ts'
import type { Order } from './orders.tsx'
import { useEntity } from './tidegate.ts'

/** One order as an entity: its state as it changes, whoever changes it, and commands to it. */
export function OrderCard({ order }: { readonly order: Order | undefined }) {
  const { data: state, version, status, command } = useEntity('order', order?.orderId)
  const [refusal, setRefusal] = useState<string>()
  const run = (sent: Promise<unknown>) => {
    setRefusal(undefined)
    sent.catch((error: Error) => setRefusal(error.message))
  }
  if (order === undefined) {
    return (
      <section className="order" aria-label="Order">
        <h2>Order</h2>
        <p className="muted">Choose an order to see it, and to change it by commands.</p>
      </section>
    )
  }
  const due = state === undefined ? 0 : Math.round((state.amount - state.total) * 100) / 100
  return (
    <section className="order" aria-label="Order" data-status={status} data-version={version}>
      <h2>Order {order.orderId}</h2>
      <dl>
        <dt>Status</dt>
        <dd data-value="status">{status === 'loading' ? '...' : (state?.status ?? 'not accepted')}</dd>
        <dt>Amount</dt>
        <dd>{amountText(state?.amount ?? order.amount)}</dd>
        <dt>Paid</dt>
        <dd data-value="paid">{amountText(state?.total ?? 0)}</dd>
        <dt>Version</dt>
        <dd data-value="version">{version ?? 0}</dd>
      </dl>
      <p className="commands">
        <button type="button" onClick={() => run(command('place', { userId: order.userId, amount: order.amount }))}>
          Accept
        </button>
        <button type="button" onClick={() => run(command('pay', { paymentId: crypto.randomUUID(), amount: due }))}>
          Pay
        </button>
        <button type="button" onClick={() => run(command('cancel', { reason: 'on the page' }))}>
          Cancel
        </button>
        <button type="button" onClick={() => run(command('refund', {}))}>
          Refund
        </button>
      </p>
      <p className="refusal" role="alert">
        {refusal}
      </p>
    </section>
  )
}
