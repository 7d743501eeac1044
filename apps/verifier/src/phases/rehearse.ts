import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { openWorkFolder } from '@lifeboat/postgres/scratch/work-folder.ts'
import type { Evidence } from '@lifeboat/shared/domain/drill.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { BackupKind } from '@lifeboat/shared/domain/ids.ts'
import { demandServer, type Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { VerifierDeps } from '../deps.ts'
import type { Drill } from '../drill.ts'
import { DrillEnded } from '../findings.ts'
import { judge } from '../verdict.ts'
import { bootScratch } from './boot.ts'
import { checkRestored } from './check.ts'
import { evidenceOf } from './conclude.ts'
import type { Course } from './course.ts'
import { decryptSmall } from './decrypt.ts'
import { fetchManifest } from './fetch-manifest.ts'
import { rehearseFiles } from './files/rehearse-files.ts'
import { rehearsePhysical } from './physical/rehearse-physical.ts'
import { restoreDatabase, restoreGlobals } from './restore.ts'
import { rehearseTables } from './tables/rehearse-tables.ts'
import { checkDocuments, takeInventory } from './take-inventory.ts'

/**
 * Restores one copy as a person would in an emergency, measures it, and concludes. The scratch server and everything fetched is gone when this
 * settles, however it does, except for a failed drill's server that is to be kept.
 *
 * @param mayWait whether a trouble that may pass is thrown rather than judged
 * @throws the reason of the run's signal when the service stops; a passing trouble
 */
export async function rehearse(drill: Drill, deps: VerifierDeps, mayWait: boolean): Promise<Evidence> {
  const { findings } = drill
  await using owned = new AsyncDisposableStack()
  const course: Course = {}
  await walk(drill, course, owned).catch((thrown: unknown) => noteEnd(drill, thrown))
  const judged = judge(findings.checks, drill.wish.kind)
  const passing = judged.verdict === 'inconclusive' && findings.trouble?.retry !== 'never'
  if (passing && mayWait && findings.trouble) throw findings.trouble
  const kept = judged.verdict === 'failed' ? await keepForALook(drill, deps, course) : undefined
  const scratch = course.server && { version: course.server.version, ...(kept && { kept }) }
  return evidenceOf(drill, deps.signer.id, { judged, manifestSha256: course.manifestSha256, scratch })
}

async function walk(drill: Drill, course: Course, owned: AsyncDisposableStack): Promise<void> {
  owned.use(await openWorkFolder(drill.deps.scratchPath, drill.id).catch(noScratch))
  await REHEARSE[drill.wish.kind](drill, course, owned)
}

type Rehearse = (drill: Drill, course: Course, owned: AsyncDisposableStack) => Promise<void>

const REHEARSE: Record<BackupKind, Rehearse> = {
  dump: rehearseDump,
  base: rehearsePhysical,
  incremental: rehearsePhysical,
  files: rehearseFiles,
  tables: rehearseTables,
}

async function rehearseDump(drill: Drill, course: Course, owned: AsyncDisposableStack): Promise<void> {
  const { findings } = drill
  const { manifest, opened } = await findings.during('fetch', async () => {
    const signed = await fetchManifest(drill)
    course.manifestSha256 = signed.sha256
    await takeInventory(drill, signed.manifest)
    await checkDocuments(drill, signed.manifest)
    return { manifest: signed.manifest, opened: await decryptSmall(drill, signed.manifest) }
  })
  const server = await findings.during('boot', () => boot(drill, manifest, opened.fingerprint))
  course.server = owned.use(server)
  await findings.during('restore', async () => {
    await restoreGlobals(drill, server, opened)
    await restoreDatabase(drill, server, manifest)
  })
  await findings.during('check', () => checkRestored(drill, server, opened))
}

async function boot(drill: Drill, manifest: Manifest, fingerprint: Fingerprint): Promise<ScratchServer> {
  try {
    return await bootScratch(drill, demandServer(manifest), fingerprint)
  } catch (thrown) {
    drill.run.signal.throwIfAborted()
    drill.findings.unable({ check: 'restore', subject: 'scratch server' }, LifeboatError.from(thrown))
    throw new DrillEnded()
  }
}

/** A drill that was cancelled or took too long ends inconclusive; one whose service stops is taken up by another. */
function noteEnd({ findings, run }: Drill, thrown: unknown): void {
  if (thrown instanceof DrillEnded) return
  const err = LifeboatError.from(run.signal.aborted ? run.signal.reason : thrown)
  if (err.code === 'SERVICE_STOPPING') throw err
  findings.unable({ check: 'restore', subject: 'drill' }, err)
}

async function keepForALook(
  { rules, run }: Drill,
  deps: VerifierDeps,
  { server }: Course,
): Promise<string | undefined> {
  if (!rules.keepFailed || !server) return undefined
  const folder = await server.keep(deps.clock.now() + deps.keepFailedMs)
  run.log.warn({ event: 'scratch.kept', folder }, 'kept the scratch server of a failed drill')
  return folder
}

function noScratch(cause: unknown): never {
  throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { message: String(cause) }, { cause })
}
