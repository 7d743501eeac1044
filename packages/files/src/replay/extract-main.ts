import { readSync } from 'node:fs'
import { TarReader } from '../tar/read-tar.ts'
import { TreePlacement } from './tree-placement.ts'
import type { Replay } from './withheld.ts'

/**
 * Extracts a tar archive from standard input into the folder its first argument names, over what earlier archives of a chain left there, and writes a
 * report (extract-report.ts) to standard output. The second argument says what for.
 *
 * A program of its own: a million files are made with plain blocking calls, and the service's event loop never sees them.
 */
const BUFFER_BYTES = 1024 * 1024

function main(root: string, replay: Replay): void {
  const placement = new TreePlacement(root, replay)
  const reader = new TarReader(placement)
  const { report } = placement
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  for (let bytes = readSync(0, buffer); bytes > 0; bytes = readSync(0, buffer)) {
    // Read on to the end: a program that hangs up looks like the one that failed.
    if (report.problem !== undefined || report.trouble !== undefined) continue
    try {
      reader.add(buffer.subarray(0, bytes))
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException
      if (code === undefined) report.problem = message
      else report.trouble = message
    }
  }
  placement.finish()
  if (report.problem === undefined && !reader.complete) report.problem = 'it ends before its end'
  process.stdout.write(JSON.stringify(report))
}

main(process.argv[2] as string, JSON.parse(process.argv[3] as string) as Replay)
