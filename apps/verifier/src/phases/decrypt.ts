import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { secretFile } from '@lifeboat/postgres/pipeline/secret-file.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import { unseal, whole } from '@lifeboat/recovery/fetch/unseal.ts'
import { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Asked, failed, passed } from '../findings.ts'
import { readerOf } from '../reader.ts'

/** The small artifacts, readable: what the restored database is measured against, and the roles it needs. */
export interface Opened {
  fingerprint: Fingerprint
  /** undefined for a backup without globals. */
  globals: string | undefined
}

/**
 * Decrypts the fingerprint and the globals. A key that the manifest does not name is our lack; contents that a named key cannot open are the
 * backup's fault.
 */
export async function decryptSmall(drill: Drill, manifest: Manifest): Promise<Opened> {
  return drill.findings.ask({ check: 'decrypt' }, async (): Promise<Asked<Opened>> => {
    await demandOurKey(drill, manifest)
    const measured = artifactOf(manifest, 'fingerprint')
    const globals = artifactOf(manifest, 'globals')
    if (!measured) return { value: undefined as never, ...failed('The backup has no fingerprint to compare with.') }
    const reader = readerOf(drill)
    try {
      const fingerprint = readFingerprint(await unseal(reader, manifest, measured, { sink: whole }))
      const sql = globals && (await unseal(reader, manifest, globals, { sink: whole }))
      return { value: { fingerprint, globals: sql }, ...passed('The identity of this verifier opens the artifacts.') }
    } catch (thrown) {
      throw asMisencrypted(thrown)
    }
  })
}

export function artifactOf(manifest: Manifest, role: Artifact['role']): Artifact | undefined {
  return manifest.artifacts.find((artifact) => artifact.role === role)
}

/** A key the manifest names must open what it lists. */
export function asMisencrypted(thrown: unknown): unknown {
  if (!LifeboatError.is(thrown, 'ARTIFACT_KEY_WRONG')) return thrown
  const problem = 'it is encrypted to other keys than its manifest says'
  return new LifeboatError('ARTIFACT_UNREADABLE', { ...thrown.facts, problem }, { cause: thrown })
}

/** @throws LifeboatError ARTIFACT_KEY_WRONG – our lack, not the backup's */
export async function demandOurKey({ deps, run }: Drill, manifest: Manifest): Promise<void> {
  const keygen = await findProgram('age-keygen', deps)
  using identity = secretFile(deps.identity)
  const stage = {
    tool: 'age-keygen',
    program: keygen.path,
    args: ['-y', '/dev/fd/3'],
    env: BASE_ENV,
    inherits: identity.fd,
  }
  const { result } = await runPipeline([stage], whole, run)
  const ours = result.split('\n').filter((line) => line !== '')
  if (!ours.some((recipient) => manifest.recipients.includes(recipient)))
    throw new LifeboatError('ARTIFACT_KEY_WRONG', {
      problem: 'the manifest names other recipients',
      recipients: manifest.recipients,
      ours,
    })
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
