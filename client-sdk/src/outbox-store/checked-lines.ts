import { crc32 } from 'node:zlib'

const NEWLINE = 10
/** Eight digits and a space. */
const HEAD_BYTES = 9

/** A line with its checksum, as a file holds it. */
export function checkedLine(line: string): string {
  return `${checksum(line)} ${line}\n`
}

/** As a line begins, or the part of it that was written. */
const HEAD = /^(?:[0-9a-f]{8} |[0-9a-f]{0,8}$)/

/**
 * The lines whose checksum is right. A last one that is not was being written when the process, or the machine, stopped;
 * `isDamaged` says that another one is not, or that the file does not begin as one of these does.
 */
export function readLines(file: Buffer): { readonly lines: readonly string[]; readonly isDamaged: boolean } {
  const lines: string[] = []
  let isBad = false
  let isDamaged = !HEAD.test(file.toString('latin1', 0, HEAD_BYTES))
  for (let from = 0; from < file.length; ) {
    const found = file.indexOf(NEWLINE, from)
    const to = found === -1 ? file.length : found
    const line = file.toString('utf8', from + HEAD_BYTES, to)
    if (found !== -1 && file.toString('latin1', from, from + HEAD_BYTES) === `${checksum(line)} `) {
      lines.push(line)
      isDamaged ||= isBad
    } else if (to > from) isBad = true
    from = to + 1
  }
  return { lines, isDamaged }
}

function checksum(line: string): string {
  return crc32(line).toString(16).padStart(8, '0')
}
