import { describe, expect, it } from 'vitest'
import { BusUnavailable, type CommitReply, type CommitRequest } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { Abandoned, CommitChain, Holder, type LoopEnd } from '../../src/lease/index.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { leasedOf } from './leased.ts'

const { server, redis } = await useRedis()
const opened = useBus(server, 1)

const stored = () => redis.hmget(keys.meta(0), 'commitSeq', 'offsets')
const upTo = (offsets: string) => ({ offsets, clocks: '{}', operations: [] })

/** Runs the body as the loop of a holder, with a chain from what is stored on. */
async function committing(body: (chain: CommitChain, commit: Commit, holder: Holder) => Promise<void>): Promise<void> {
  const ledger = opened.bus.ledger(0, 'commit')
  const failed: unknown[] = []
  const holder: Holder = new Holder(
    leasedOf(opened.bus, 0, {
      ledger,
      loop: async ({ token }, hold): Promise<LoopEnd> => {
        const { log, commitSeq, offsets } = await ledger.head()
        const chain = new CommitChain(hold, token, { log, commitSeq, offsetsText: offsets })
        await body(chain, (request) => ledger.commit(request), holder).catch((error) => failed.push(error))
        return 'done'
      },
    }),
    () => {},
  )
  await holder.run()
  expect(failed).toEqual([])
}

type Commit = (request: CommitRequest) => Promise<CommitReply>

describe('commit chain', () => {
  it('L-COMMIT-1 builds each commit on the one before', async () => {
    await committing(async (chain, commit) => {
      for (const offsets of ['a', 'b', 'c']) {
        expect(await chain.send(chain.next(upTo(offsets)), commit)).toEqual({ status: 'ok', ids: [] })
        expect(chain.offsetsText).toBe(offsets)
      }
      expect(await stored()).toEqual(['3', 'c'])
    })
  })

  it('L-COMMIT-2 sends the same commit again while its outcome is unknown, and it is stored once', async () => {
    await committing(async (chain, commit) => {
      const sent: CommitRequest[] = []
      const losing: Commit = async (request) => {
        sent.push(request)
        const reply = await commit(request)
        if (sent.length <= 2) throw new BusUnavailable('unknown', 0, 'the reply was lost')
        return reply
      }
      expect(await chain.send(chain.next(upTo('a')), losing)).toEqual({ status: 'ok', ids: [] })
      expect(sent).toHaveLength(3)
      expect(new Set(sent).size).toBe(1)
      expect(await stored()).toEqual(['1', 'a'])
    })
  })

  it('L-COMMIT-3 builds on the same commit as before after one that was refused', async () => {
    await committing(async (chain, commit) => {
      await chain.send(chain.next(upTo('a')), commit)
      await redis.hset(keys.meta(0), 'commitSeq', 7)
      expect(await chain.send(chain.next(upTo('b')), commit)).toEqual({ status: 'conflict' })
      expect(chain.offsetsText).toBe('a')
      expect(chain.next(upTo('b'))).toMatchObject({ commitSeq: 1, offsetsBefore: 'a' })
    })
  })

  it('L-RELEASE-2 gives up an unanswered commit with its holder', async () => {
    await committing(async (chain, _, holder) => {
      const unanswered: Commit = async () => {
        holder.abandon()
        throw new BusUnavailable('unknown', 0, 'no answer')
      }
      await expect(chain.send(chain.next(upTo('a')), unanswered)).rejects.toThrow(Abandoned)
    })
  })
})
