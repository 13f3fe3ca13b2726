/**
 * Start of the tumbling window that holds time `t`: `t - floorMod(t - offset, size)`, so that windows before 1970 and
 * negative offsets line up as well. All ms.
 */
export function tumblingStart(t: number, sizeMs: number, offsetMs: number): number {
  const rest = (t - offsetMs) % sizeMs
  return t - (rest < 0 ? rest + sizeMs : rest)
}
