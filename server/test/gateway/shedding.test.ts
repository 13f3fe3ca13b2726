import { CLOSE } from '@tidegate/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { silentOnes } from '../../src/gateway/shedding.ts'
import { Limits } from '../../src/limits/index.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

const { port } = await useGateway()
afterEach(() => vi.restoreAllMocks())

describe('memory over its limit', () => {
  it('G-LOAD-4 ends the silent ones of the address that has most of them, the longest silent first', () => {
    const at = (address: string, heardAt: number) => ({ address, heardAt })
    const many = Array.from({ length: 400 }, (_, i) => at('many', 400 - i))
    const few = Array.from({ length: 300 }, (_, i) => at('few', i))
    const live = Array.from({ length: 900 }, () => at('live', 15_000))
    const ended = silentOnes([...live, ...few, ...many], 20_000)
    expect(ended).toEqual(many.slice(144).reverse())
    expect(silentOnes(live, 20_000)).toEqual([])
  })

  it('G-LOAD-3 G-LOAD-4 takes no handshake, keeps who is heard of, and takes clients again when there is room', async () => {
    const client = await RawClient.greeted(port)
    const memory = vi.spyOn(Limits.prototype, 'hasMemory').mockReturnValue(false)
    const connects = () =>
      RawClient.greeted(port).then(
        (other) => other.close(),
        (error: Error) => error.message,
      )
    await expect.poll(connects).toContain('503')
    client.send({ type: 'query', id: 1, name: 'topics' })
    await client.next('result')
    memory.mockReturnValue(true)
    await expect.poll(connects).toBeUndefined()
    client.close()
    expect((await client.closed).code).not.toBe(CLOSE.overload)
  })
})
