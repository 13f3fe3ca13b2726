/** What a schema says of one value. */
export type Validation =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly path: string; readonly message: string; readonly cause?: unknown }
