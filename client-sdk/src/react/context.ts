import { createContext, createElement, type ReactElement, type ReactNode, useContext } from 'react'
import type { TidegateClient } from '../client.ts'

const Context = /* @__PURE__ */ createContext<TidegateClient | undefined>(undefined)

export interface TidegateProviderProps {
  /** Made once, outside of components. It stays open when the provider is unmounted: whoever made it closes it. */
  readonly client: TidegateClient<never>
  readonly children?: ReactNode
}

/** Gives the hooks below it their client. */
export function TidegateProvider({ client, children }: TidegateProviderProps): ReactElement {
  // Hooks read it with the types of the contract that they were made for.
  return createElement(Context.Provider, { value: client as unknown as TidegateClient }, children)
}

/** @throws Error without a provider above */
export function useClient(): TidegateClient {
  const client = useContext(Context)
  if (client === undefined) throw new Error('Hooks of Tidegate need a <TidegateProvider client={client}> above them.')
  return client
}
