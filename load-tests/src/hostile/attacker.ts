/** A process of hostile clients: told the name of an attack, it says how much it did. */
import { setPriority } from 'node:os'
import { attackNamed } from './attacks.ts'

/** What the attacker computes is not what is measured: on other machines it would be for free. */
setPriority(19)

export interface AttackOrder {
  readonly name: string
  readonly port: number
  readonly ms: number
}

process.on('message', ({ name, port, ms }: AttackOrder) => {
  const until = performance.now() + ms
  attackNamed(name)
    .run({ port, until })
    .then(
      (did) => process.send!({ did }),
      (error: Error) => process.send!({ did: `broke off: ${error.message}` }),
    )
})
process.on('disconnect', () => process.exit(0))
