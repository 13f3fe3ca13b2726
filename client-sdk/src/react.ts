'use client'
import { useClient as untypedClient } from './react/context.ts'
import type { Hooks } from './react/hooks.ts'
import { useEntity as untypedEntity } from './react/use-entity.ts'
import { useLatest as untypedLatest } from './react/use-latest.ts'
import { usePresence as untypedPresence } from './react/use-presence.ts'
import { useStatus as untypedStatus } from './react/use-status.ts'
import { useSubscription as untypedSubscription } from './react/use-subscription.ts'
import { useWindow as untypedWindow } from './react/use-window.ts'

export { TidegateProvider, type TidegateProviderProps } from './react/context.ts'
export type {
  EventsOptions,
  Hooks,
  LatestOptions,
  LiveEntity,
  LivePresence,
  PaneOf,
  Suspending,
  WindowOptions,
} from './react/hooks.ts'
export type { Following, Live, LiveStatus } from './react/live.ts'
export type { AnyPane } from './react/panes.ts'

/**
 * Gives the hooks of this module the types of a contract:
 *
 * ```ts
 * declare module '@tidegate/client/react' {
 *   interface Register { config: typeof config }
 * }
 * ```
 *
 * Without it they take any topic, and data is `unknown`. A program with several contracts calls `createHooks` instead.
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications add to it
export interface Register {}

type Registered = Register extends { readonly config: infer C } ? C : unknown

export const useClient = untypedClient as Hooks<Registered>['useClient']
export const useStatus = untypedStatus as Hooks<Registered>['useStatus']
export const useSubscription = untypedSubscription as Hooks<Registered>['useSubscription']
export const useLatest = untypedLatest as Hooks<Registered>['useLatest']
export const useWindow = untypedWindow as Hooks<Registered>['useWindow']
export const useEntity = untypedEntity as Hooks<Registered>['useEntity']
export const usePresence = untypedPresence as Hooks<Registered>['usePresence']

/** The hooks with the types of a contract: `const { useLatest } = createHooks<typeof config>()`. */
export function createHooks<C>(): Hooks<C> {
  return { useClient, useStatus, useSubscription, useLatest, useWindow, useEntity, usePresence } as unknown as Hooks<C>
}
