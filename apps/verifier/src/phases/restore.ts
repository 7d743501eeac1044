import { statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { findPostgresTools, type Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { fitGlobals } from '@lifeboat/recovery/dump/fit-globals.ts'
import { type LoadingPlace, loadDatabase, restorerMajor, runSql } from '@lifeboat/recovery/dump/load-dump.ts'
import type { Opened } from '@lifeboat/recovery/dump/open-dump.ts'
import { planRestore } from '@lifeboat/recovery/dump/plan-restore.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Asked, passed, skipped } from '../findings.ts'
import { readerOf } from '../reader.ts'
import { MAINTENANCE_DATABASE } from './boot.ts'

/** Roles and tablespaces, with the first error fatal. */
export async function restoreGlobals(drill: Drill, scratch: ScratchServer, opened: Opened): Promise<void> {
  await drill.findings.ask({ check: 'globals' }, async (): Promise<Asked<undefined>> => {
    if (opened.globals === undefined) return { value: undefined, ...skipped('The backup carries no globals.') }
    const superuser = opened.fingerprint.bootstrapRole
    const sql = await fitGlobals(opened.globals, { superuser, folderOf: (no) => scratch.tablespaceFolder(no) })
    const psql = await program(drill, scratch, 'psql', scratch.major)
    await onScratch(drill, scratch, () => runSql(sql, psql, placeOf(scratch), drill.run))
    const roles = sql.match(/^CREATE ROLE /gm)?.length ?? 0
    return {
      value: undefined,
      ...passed(`All globals were accepted, ${roles} roles besides the superuser among them.`),
    }
  })
}

/** The database itself; the program has to be as new as the one that made the archive. */
export async function restoreDatabase(drill: Drill, scratch: ScratchServer, manifest: Manifest): Promise<void> {
  await drill.findings.ask({ check: 'restore' }, async (): Promise<Asked<undefined>> => {
    const restorer = await program(drill, scratch, 'pg_restore', restorerMajor(manifest, scratch.major))
    const { bavail, bsize } = await statfs(drill.workDir)
    const { databaseBytes } = manifest.summary
    const plan = planRestore({ databaseBytes, freeBytes: bavail * bsize, cores: availableParallelism() })
    const load = { program: restorer, jobs: plan.jobs }
    await onScratch(drill, scratch, () => loadDatabase(readerOf(drill), manifest, placeOf(scratch), load))
    return { value: undefined, ...passed(`pg_restore accepted everything; ${plan.reason}`) }
  })
}

function placeOf(scratch: ScratchServer): LoadingPlace {
  return { connection: scratch.connection(MAINTENANCE_DATABASE), applicationName: 'lifeboat drill' }
}

async function program(
  drill: Drill,
  scratch: ScratchServer,
  tool: 'psql' | 'pg_restore',
  major: number,
): Promise<Program> {
  const tools = major === scratch.major ? scratch.tools : await findPostgresTools(major, [tool], drill.deps)
  const found = await tools.program(tool)
  drill.tools[tool] = found.versionLine
  return found
}

/** A refusal while the scratch server died or its disk ran full says nothing about the copy. */
async function onScratch(drill: Drill, scratch: ScratchServer, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    drill.run.signal.throwIfAborted()
    const trouble = await scratch.trouble()
    if (trouble) throw trouble
    const err = LifeboatError.from(thrown)
    const refused = err.facts.tool === 'psql' && err.code !== 'TOOL_KILLED' && err.code !== 'TOOL_MISSING'
    throw refused ? new LifeboatError('DRILL_RESTORE_FAILED', err.facts, { cause: err }) : err
  }
}
