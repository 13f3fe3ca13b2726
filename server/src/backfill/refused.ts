/** A backfill that cannot be done as requested. The message says why and what can be done instead. */
export class BackfillRefused extends Error {
  override readonly name = 'BackfillRefused'
}
