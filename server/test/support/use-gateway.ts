import { afterAll } from 'vitest'
import { startTestGateway, type TestGateway } from './gateway.ts'

/** A gateway for the tests of this file, with a Redis of its own. Both end with the file. */
export async function useGateway(...options: Parameters<typeof startTestGateway>): Promise<TestGateway> {
  const server = await startTestGateway(...options)
  afterAll(() => server.close())
  return server
}
