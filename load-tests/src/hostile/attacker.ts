/** A process of hostile clients: told the name of an attack, it says how much it did. */
import { setPriority } from 'node:os'
import { attackNamed } from './attacks.ts'
import { Pace } from './pace.ts'

/** What the attacker computes is not what is measured: on other machines it would be for free. */
setPriority(19)

export type AttackOrder =
  | { readonly kind: 'ready' }
  | { readonly kind: 'attack'; readonly name: string; readonly port: number; readonly ms: number }

process.on('message', (order: AttackOrder) => {
  if (order.kind === 'ready') return process.send!({})
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
process.on('disconnect', () => process.exit(0))
