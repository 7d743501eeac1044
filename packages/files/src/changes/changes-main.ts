import { readFileSync } from 'node:fs'
import type { ChangesAsked } from './changes-stage.ts'
import { TreeChanges } from './tree-changes.ts'

/**
 * Reads what is asked from standard input, and writes the changes (domain/restore-files.ts) to standard output. A program of its own for the same reason as
 * extract-main.ts.
 */
const { exclude, pairs } = JSON.parse(readFileSync(0, 'utf8')) as ChangesAsked
const comparison = new TreeChanges(exclude)
for (const { name, live, next } of pairs) comparison.add(Buffer.from(name), Buffer.from(live), Buffer.from(next))
process.stdout.write(JSON.stringify(comparison.changes))
