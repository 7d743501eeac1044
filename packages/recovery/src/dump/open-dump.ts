import { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Reader } from '../fetch/reader.ts'
import { unsealText } from '../fetch/unseal.ts'

/** The small artifacts, readable: what the restored database is measured against, and the roles it needs. */
export interface Opened {
  fingerprint: Fingerprint
  /** undefined for a backup without globals. */
  globals: string | undefined
}

/**
 * Decrypts the fingerprint and the globals of a dump.
 *
 * @returns undefined when the backup has no fingerprint to compare with
 * @throws LifeboatError ARTIFACT_KEY_WRONG | ARTIFACT_UNREADABLE | those of `unsealText`
 */
export async function openDump(reader: Reader, manifest: Manifest): Promise<Opened | undefined> {
  const measured = artifactOf(manifest, 'fingerprint')
  const globals = artifactOf(manifest, 'globals')
  if (!measured) return undefined
  const fingerprint = readFingerprint(await unsealText(reader, manifest, measured))
  return { fingerprint, globals: globals && (await unsealText(reader, manifest, globals)) }
}

export function artifactOf(manifest: Pick<Manifest, 'artifacts'>, role: Artifact['role']): Artifact | undefined {
  return manifest.artifacts.find((artifact) => artifact.role === role)
}

function readFingerprint(text: string): Fingerprint {
  try {
    return Fingerprint.parse(JSON.parse(text))
  } catch (cause) {
    throw new LifeboatError(
      'ARTIFACT_UNREADABLE',
      { artifact: 'fingerprint', problem: 'it is no fingerprint' },
      { cause },
    )
  }
}
