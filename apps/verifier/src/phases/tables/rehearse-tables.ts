import { artifactOf } from '@lifeboat/recovery/dump/open-dump.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import { unsealText } from '@lifeboat/recovery/fetch/unseal.ts'
import { parseSidecar } from '@lifeboat/recovery/tables/sidecar.ts'
import { demandServer, type Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, failed, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'
import type { Course } from '../course.ts'
import { asMisencrypted } from '../decrypt.ts'
import { fetchManifest } from '../fetch-manifest.ts'
import { openSmall } from '../open-small.ts'
import { checkDocuments, takeInventory } from '../take-inventory.ts'
import { bootForTables } from './boot-for-tables.ts'
import { checkTables } from './check-tables.ts'
import { loadTables } from './load-tables.ts'

/** Loads every CSV file into a table of its definition on a scratch server and compares. */
export async function rehearseTables(drill: Drill, course: Course, owned: AsyncDisposableStack): Promise<void> {
  const { findings } = drill
  const { manifest, described } = await findings.during('fetch', async () => {
    const signed = await fetchManifest(drill)
    course.manifestSha256 = signed.sha256
    await takeInventory(drill, signed.manifest)
    await checkDocuments(drill, signed.manifest)
    return { manifest: demandServer(signed.manifest), described: await openSidecar(drill, signed.manifest) }
  })
  const server = await findings.during('boot', () => bootForTables(drill, manifest, described))
  course.server = owned.use(server)
  await findings.during('restore', () => loadTables(drill, server, manifest, described))
  await findings.during('check', () => checkTables(drill, server, described))
}

async function openSidecar(drill: Drill, manifest: Manifest): Promise<TableExport> {
  return drill.findings.ask({ check: 'decrypt' }, async (): Promise<Asked<TableExport>> => {
    await demandKey(readerOf(drill), manifest)
    const sidecar = artifactOf(manifest, 'table-export')
    if (!sidecar) return { value: undefined as never, ...failed('The backup has no description of its tables.') }
    const text = await unsealText(readerOf(drill), manifest, sidecar).catch((thrown: unknown) => {
      throw asMisencrypted(thrown)
    })
    await openSmall(drill, manifest, ['definition'])
    const value = parseSidecar(text)
    const missing = value.tables.filter(({ artifact }) => !manifest.artifacts.some(({ name }) => name === artifact))
    if (missing.length > 0)
      return { value, ...failed(`The manifest lists no file of ${missing.map(({ title }) => title).join(', ')}.`) }
    return { value, ...passed('The identity of this verifier opens the artifacts.') }
  })
}
