import { defaultsOf, importModule } from '../config/import-module.ts'
import type { Tracing } from './spans.ts'

/**
 * Loads the default export of a tracing module, which also sets up what exports its spans.
 *
 * @throws {Error} when the file cannot be loaded or exports something else; `cause` has the reason
 */
export async function loadTracing(file: string): Promise<Tracing> {
  let exported: { readonly default?: unknown }
  try {
    exported = await importModule(file)
  } catch (cause) {
    throw new Error(`The tracing module ${file} cannot be loaded: ${(cause as Error).message}`, { cause })
  }
  const tracing = defaultsOf(exported).find(isTracing)
  if (tracing !== undefined) return tracing
  throw new Error(
    `The tracing module ${file} must export { api } as its default, with all of @opentelemetry/api as api; maxSpansPerSecond is a number from 0, flush a function`,
  )
}

function isTracing(value: unknown): value is Tracing {
  const { api, maxSpansPerSecond = 1, flush } = (value ?? {}) as { [Name in keyof Tracing]?: unknown }
  const { trace, createTraceState } = (api ?? {}) as { trace?: { getTracer?: unknown }; createTraceState?: unknown }
  return (
    typeof trace?.getTracer === 'function' &&
    typeof createTraceState === 'function' &&
    typeof maxSpansPerSecond === 'number' &&
    maxSpansPerSecond >= 0 &&
    (flush === undefined || typeof flush === 'function')
  )
}
