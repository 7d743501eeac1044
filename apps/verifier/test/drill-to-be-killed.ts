import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

// A verifier that stands still in the middle of a restore and says where; killed.int.test.ts kills it there.
const room = await openDrillRoom()
const pg = await startPostgres()
const { target, recipient, agent: signer } = room
const manifest = await sealBackup({ pg, database: await makeRecords(pg), target, recipient, signer })
const second = partKey(manifest.sourceId, manifest.backupId, manifest.artifacts[0]?.name as never, 2)
const get: typeof target.get = async (key, opts) => {
  if (key === second) {
    process.stdout.write(room.deps.scratchPath)
    await new Promise(() => {})
  }
  return target.get(key, opts)
}
setInterval(() => {}, 60_000)
await room.drill(manifest, { deps: { targets: new Map([[target.id, { ...target, get }]]) } })
