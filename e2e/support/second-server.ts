import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { newSigningKeyPair } from '@lifeboat/shared/signing/signing.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { AGENT } from '@lifeboat/testkit/world/config.ts'
import type { World } from '@lifeboat/testkit/world.ts'

const run = promisify(execFile)

export const STAGING = 'staging'

/**
 * Another server with an agent of its own, which obeys ben and nobody else. Its source has no policy: nothing of it is backed up.
 *
 * @param world whose services read its configuration anew when they are started next
 */
export async function addSecondServer(world: World): Promise<{ postgres: TestPostgres } & AsyncDisposable> {
  await using opening = new AsyncDisposableStack()
  const postgres = opening.use(await startPostgres())
  await postgres.query('postgres', 'create database staging')
  const folder = join(world.folder, 'db2')
  await mkdir(folder)
  const at = (name: string) => join(folder, name)
  await run('age-keygen', ['-o', at('agent-identity')])
  await chmod(at('agent-identity'), 0o600)
  const recipient = (await run('age-keygen', ['-y', at('agent-identity')])).stdout.trim()
  const { privateKey, publicKey } = await newSigningKeyPair()
  await writeFile(at('signing-key'), privateKey, { mode: 0o600 })
  await writeFile(at('password'), postgres.password, { mode: 0o600 })
  const ben = (await readFile(join(world.folder, 'operators/ben.operator.pub'), 'utf8')).trim()
  const listen = `127.0.0.1:${await freePort()}`
  await world.reconfigure((config) => {
    const first = config.agents[AGENT as never] as { token: string; restore: { uploaders: string[] } }
    const login = { user: postgres.user, password: `file:${at('password')}` }
    config.signers = { ...config.signers, db2: publicKey }
    Object.assign(config.agents, {
      db2: {
        ...{ url: `http://${listen}`, listen, token: first.token, signingKey: `file:${at('signing-key')}` },
        spool: { path: at('spool'), partBytes: '4MiB', maxBytes: '1GiB' },
        restore: {
          ...{ operators: { ben }, recipient, identity: `file:${at('agent-identity')}` },
          uploaders: first.restore.uploaders,
        },
      },
    })
    Object.assign(config.sources, {
      [STAGING]: {
        ...{ agent: 'db2', host: postgres.host, port: postgres.port, database: 'staging', rolePasswords: false },
        ...{ ...login, restore: login },
      },
    })
  })
  await world.start('backup-agent', { as: 'db2', env: { LIFEBOAT_AGENT: 'db2' } })
  const owned = opening.move()
  return { postgres, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
