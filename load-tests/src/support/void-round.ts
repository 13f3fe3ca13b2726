/** A round that says nothing about speed: events were refused or did not come. */
export class VoidRound extends Error {}

/** In a row: with more, the load is too much for the machine. */
const MAX_VOID = 3

/**
 * The first round that is not void.
 *
 * @param onVoid gets the reason before the round is repeated
 * @throws VoidRound where too many are void in a row
 */
export async function validRound<T>(round: () => Promise<T>, onVoid: (reason: string) => unknown): Promise<T> {
  for (let voided = 0; ; ) {
    try {
      return await round()
    } catch (error) {
      if (!(error instanceof VoidRound) || ++voided > MAX_VOID) throw error
      await onVoid(error.message)
    }
  }
}
