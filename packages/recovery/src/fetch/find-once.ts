import { findProgram, type Program } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Reader } from './reader.ts'

const FOUND = new WeakMap<Reader['tools'], Map<string, Promise<Program>>>()

/**
 * A program, looked for and asked for its version once for all that one reader does.
 *
 * @throws LifeboatError TOOL_MISSING
 */
export async function findOnce(name: string, reader: Pick<Reader, 'tools' | 'toolPaths'>): Promise<Program> {
  const found = FOUND.get(reader.tools) ?? new Map<string, Promise<Program>>()
  FOUND.set(reader.tools, found)
  const looking = found.get(name) ?? findProgram(name, reader)
  found.set(name, looking)
  const program = await looking
  reader.tools[name] = program.versionLine
  return program
}
