import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import type { ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { RecoveredServer } from '@lifeboat/recovery/recover/start-recovery.ts'
import { checkIndexes } from '../../checks/amcheck.ts'
import { checkAssertion } from '../../checks/assertions.ts'
import { checkChecksums } from '../../checks/checksums.ts'
import { checkHeartbeat } from '../../checks/heartbeat.ts'
import { demandAlikeMachine } from '../../checks/machine.ts'
import type { Drill } from '../../drill.ts'
import { type About, type Answer, passed, skipped } from '../../findings.ts'
import type { FetchedChain } from './fetch-chain.ts'

export interface Questioned {
  server: ScratchServer
  room: ScratchRoom
  back: RecoveredServer
  chain: FetchedChain
  dataDir: string
}

/** Asks the recovered cluster everything there is to ask; its pages last, for that the server has to stop. */
export async function checkCluster(drill: Drill, of: Questioned): Promise<void> {
  const { findings, rules, run } = drill
  const { server, room, chain } = of
  await using open = new AsyncDisposableStack()
  const connect = async (database: string): Promise<SourceClient> => {
    const client = open.use(await connectSource(server.connection(database), SESSION))
    run.signal.addEventListener('abort', () => void client.end().catch(() => {}))
    return client
  }
  const ask = (about: About, question: () => Promise<Answer>) =>
    findings.askAlso(about, async () => {
      try {
        return await question()
      } catch (thrown) {
        throw (await server.trouble()) ?? thrown
      }
    })
  const databases = await databasesOf(await connect('template1'))
  await findings.ask({ check: 'recover', subject: 'machine' }, async () => {
    for (const database of databases) await demandAlikeMachine(await connect(database), database)
    return {
      value: undefined,
      ...passed('The libraries and collations of this machine are those the cluster was built with.'),
    }
  })
  const source = await connect(chain.last.database)
  await askHeartbeat(drill, (about) => ask(about, () => checkHeartbeat(drill, source, chain.last)))
  for (const assertion of rules.assertions)
    await ask({ check: 'assertion', subject: assertion.name }, () => checkAssertion(source, assertion))
  for (const database of rules.amcheck ? databases : [])
    await ask({ check: 'amcheck', subject: database }, async () => checkIndexes(await connect(database), run))
  if (!rules.amcheck) await ask({ check: 'amcheck' }, async () => skipped('The policy turns it off.'))
  await open.disposeAsync()
  await stopServer(of.back.server, 'fast')
  await findings.askAlso({ check: 'checksums' }, () => checkChecksums(drill, room, of.dataDir, chain.last.physical))
}

/** Behind the end of the backup it is a question to the WAL, not to the copy. */
async function askHeartbeat({ findings }: Drill, ask: (about: About) => Promise<void>): Promise<void> {
  const { recovered, checks } = findings
  const isOfWal = recovered !== undefined && recovered.to !== 'end of backup'
  await ask({ check: 'heartbeat', ...(isOfWal && { subject: 'wal' }) })
  const { answer } = checks.at(-1) ?? {}
  if (isOfWal && (answer === 'failed' || answer === 'unable')) findings.walBroke = { reached: recovered.lsn }
}

const SESSION = { applicationName: 'lifeboat drill', lockTimeoutMs: 60_000 }

async function databasesOf(client: SourceClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'select datname as name from pg_database where datallowconn and datconnlimit <> -2 order by datname',
  )
  return rows.map(({ name }) => name)
}
