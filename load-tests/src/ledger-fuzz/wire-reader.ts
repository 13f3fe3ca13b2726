import type { ServerFrame } from '@tidegate/protocol'
import { Account } from './account.ts'
import type { Policy } from './schedule.ts'

/** Keeps the accounts of one client from the frames it receives. The last account is of the subscription it has now. */
export class WireReader {
  readonly accounts: Account[] = []
  readonly faults: string[] = []

  get current(): Account {
    return this.accounts.at(-1)!
  }

  open(policy: Policy): Account {
    const account = new Account(policy)
    this.accounts.push(account)
    return account
  }

  /** The connection has ended. */
  disconnected(): void {
    for (const account of this.accounts) account.disconnected()
  }

  read(text: string): ServerFrame {
    const frame = JSON.parse(text) as ServerFrame
    switch (frame.type) {
      case 'subscribed':
        this.#accountOf(frame.sub).granted(frame.positions, frame.maxRate)
        if (!frame.recovered) this.faults.push(`not recovered: ${text.slice(0, 300)}`)
        break
      case 'batch':
        for (const part of frame.parts) this.#accountOf(part.sub).received(part, Date.now())
        break
      case 'gap':
        this.#accountOf(frame.sub).withheld(frame)
        break
      case 'progress':
        this.#accountOf(frame.sub).progressed(frame.positions)
        this.#accountOf(frame.sub).counted(frame.counts)
        break
      case 'unsubscribed':
        this.#accountOf(frame.sub).counted(frame.counts)
        break
      case 'error':
        this.faults.push(`an error came: ${text}`)
    }
    return frame
  }

  /** Subs are given out from 1 in the order in which subscriptions are opened. */
  #accountOf(sub: number): Account {
    const account = this.accounts[sub - 1]
    if (account === undefined) throw new Error(`frames for sub ${sub}, which was not opened`)
    return account
  }
}
