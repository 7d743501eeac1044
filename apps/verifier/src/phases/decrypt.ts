import { type Opened, openDump } from '@lifeboat/recovery/dump/open-dump.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Asked, failed, passed } from '../findings.ts'
import { readerOf } from '../reader.ts'

/**
 * Decrypts the fingerprint and the globals. A key that the manifest does not name is our lack; contents that a named key cannot open are the
 * backup's fault.
 */
export async function decryptSmall(drill: Drill, manifest: Manifest): Promise<Opened> {
  return drill.findings.ask({ check: 'decrypt' }, async (): Promise<Asked<Opened>> => {
    const reader = readerOf(drill)
    await demandKey(reader, manifest)
    const opened = await openDump(reader, manifest).catch((thrown: unknown) => {
      throw asMisencrypted(thrown)
    })
    if (!opened) return { value: undefined as never, ...failed('The backup has no fingerprint to compare with.') }
    return { value: opened, ...passed('The identity of this verifier opens the artifacts.') }
  })
}

/** A key the manifest names must open what it lists. */
export function asMisencrypted(thrown: unknown): unknown {
  if (!LifeboatError.is(thrown, 'ARTIFACT_KEY_WRONG')) return thrown
  const problem = 'it is encrypted to other keys than its manifest says'
  return new LifeboatError('ARTIFACT_UNREADABLE', { ...thrown.facts, problem }, { cause: thrown })
}
