/** A backfill cannot be done as it was asked for. The message says why and what can be done instead. */
export class BackfillRefused extends Error {
  override readonly name = 'BackfillRefused'
}
