import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { expect, test } from 'vitest'
import type { BackupRun } from '../src/backup-run.ts'
import { sealRelations } from '../src/phases/relations.ts'

test('where nobody can be asked which files hold which tables, the backup goes on without the list', async () => {
  const connection = {
    host: '127.0.0.1',
    port: await freePort(),
    database: 'records',
    user: 'backup',
    sslmode: 'disable',
  }
  const stop = new AbortController()
  const run = { source: { connection }, applicationName: 'lifeboat db1', signal: stop.signal, log: silentLogger }
  const sealed = () => sealRelations(run as unknown as BackupRun, {} as never, 'relations.json.zst.age' as never)
  expect(await sealed()).toBeUndefined()
  stop.abort(new Error('somebody cancelled it'))
  await expect(sealed()).rejects.toThrow('somebody cancelled it')
})
