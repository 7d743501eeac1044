import { readSync } from 'node:fs'
import type { MemberLine } from '../member-line.ts'
import { TreeComparison } from './compare-tree.ts'
import type { Replay } from './withheld.ts'

/**
 * Reads a list of members from standard input, holds the folder its first argument names against it, and writes a report (compare-report.ts) to standard
 * output; the second says what for. A program of its own for the same reason as extract-main.ts.
 */
const BUFFER_BYTES = 1024 * 1024

function main(root: string, replay: Replay): void {
  const comparison = new TreeComparison(root, replay)
  const { report } = comparison
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let begun = Buffer.alloc(0)
  for (let bytes = readSync(0, buffer); bytes > 0; bytes = readSync(0, buffer)) {
    if (report.problem !== undefined) continue
    const text = Buffer.concat([begun, buffer.subarray(0, bytes)])
    const end = text.lastIndexOf(0x0a) + 1
    begun = text.subarray(end)
    try {
      for (const line of text.toString('utf8', 0, end).split('\n'))
        if (line !== '') comparison.add(JSON.parse(line) as MemberLine)
    } catch (thrown) {
      report.problem = String(thrown)
    }
  }
  comparison.finish()
  if (begun.length > 0) report.problem ??= 'it ends within a line'
  process.stdout.write(JSON.stringify(report))
}

main(process.argv[2] as string, JSON.parse(process.argv[3] as string) as Replay)
