import { mkdir, mkdtemp, rmdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { VerifierDeps } from './deps.ts'

const EVERY_MS = 60_000
/** Each drill decrypts and decompresses, whatever it is of. */
const PROGRAMS = ['age', 'zstd'] as const

/** Looks at what every drill needs, so that those of tonight are known to fail while somebody is there to mend it. How much room a drill needs it says itself. */
export function lookAtFootings(
  { footings, log, ...needs }: Pick<VerifierDeps, 'footings' | 'log' | 'scratchPath' | 'toolPaths'>,
  signal: AbortSignal,
): void {
  const how = { everyMs: EVERY_MS, log, signal }
  void footings.keepLooking({ part: 'scratch', name: 'verifier' }, () => hereOrThrow(() => demandScratch(needs)), how)
}

/** Verifiers share their name, and one host may lack what another has. */
async function hereOrThrow(look: () => Promise<void>): Promise<void> {
  try {
    await look()
  } catch (thrown) {
    const { code, facts } = LifeboatError.from(thrown)
    throw new LifeboatError(code, { ...facts, host: hostname() }, { cause: thrown })
  }
}

/** @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE | TOOL_MISSING */
async function demandScratch({
  scratchPath,
  toolPaths,
}: Pick<VerifierDeps, 'scratchPath' | 'toolPaths'>): Promise<void> {
  try {
    // As a drill makes it.
    await mkdir(scratchPath, { recursive: true, mode: 0o755 })
    await rmdir(await mkdtemp(join(scratchPath, '.look-')))
  } catch (cause) {
    throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { path: scratchPath, message: String(cause) }, { cause })
  }
  for (const program of PROGRAMS) await findProgram(program, { toolPaths })
}
