/** A process of hostile clients: told the name of an attack, it says how much it did. */
import { setPriority } from 'node:os'
import { attackNamed } from './attacks.ts'
import { Pace } from './pace.ts'

/** The attacker's own work is not measured: on other machines it would be for free. */
setPriority(19)
/** About what an attacker computes between two steps. */
const SPIN_MS = 1

export type AttackOrder =
  | { readonly kind: 'ready' }
  /** Takes its share of a core for nothing. */
  | { readonly kind: 'spin'; readonly ms: number }
  | { readonly kind: 'attack'; readonly name: string; readonly port: number; readonly ms: number }

process.on('message', (order: AttackOrder) => {
  if (order.kind === 'ready') return process.send!({})
  if (order.kind === 'spin') return void spin(order.ms).then(() => process.send!({}))
  const { name, port, ms } = order
  const until = performance.now() + ms
  const pace = new Pace()
  attackNamed(name)
    .run({ port, until, keepPace: () => pace.keep() })
    .then(
      (did) => process.send!({ did }),
      (error: Error) => process.send!({ did: `broke off: ${error.message}` }),
    )
})
async function spin(ms: number): Promise<void> {
  const pace = new Pace()
  for (const until = performance.now() + ms; performance.now() < until; await pace.keep()) {
    for (const pauseAt = performance.now() + SPIN_MS; performance.now() < pauseAt; );
  }
}
