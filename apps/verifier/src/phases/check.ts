import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { superuserMayLogIn } from '@lifeboat/recovery/dump/fit-globals.ts'
import type { Opened } from '@lifeboat/recovery/dump/open-dump.ts'
import { checkIndexes } from '../checks/amcheck.ts'
import { checkAssertion } from '../checks/assertions.ts'
import { checkConstraints } from '../checks/constraints.ts'
import { checkFingerprint } from '../checks/fingerprint.ts'
import type { Drill } from '../drill.ts'
import { type Answer, skipped } from '../findings.ts'

/**
 * Asks the restored database everything there is to ask, the next question also when one was answered badly. The first answer of all stops the
 * clock of the recovery.
 */
export async function checkRestored(drill: Drill, scratch: ScratchServer, opened: Opened): Promise<void> {
  const { findings, rules, run } = drill
  const expected = opened.fingerprint
  await using open = new AsyncDisposableStack()
  const connect = async () => open.use(await connectTo(scratch, expected.database))
  const endOnAbort = (client: SourceClient) =>
    run.signal.addEventListener('abort', () => void client.end().catch(() => {}))
  const ask = (
    check: 'fingerprint' | 'constraints' | 'amcheck' | 'assertion',
    question: () => Promise<Answer>,
    subject?: string,
  ) =>
    findings.askAlso({ check, ...(subject !== undefined && { subject }) }, async () => {
      try {
        return await question()
      } catch (thrown) {
        throw (await scratch.trouble()) ?? thrown
      }
    })

  await ask('fingerprint', async () => {
    const clients = [await connect(), await connect()] as const
    clients.forEach(endOnAbort)
    await clients[0].query('select 1')
    findings.firstAnswerAt = performance.now()
    await using _locked = await lockOutAsOnSource(connect, opened)
    return await checkFingerprint(drill, clients, expected)
  })
  const client = await connect()
  endOnAbort(client)
  await ask('constraints', () => checkConstraints(client, expected))
  for (const assertion of rules.assertions)
    await ask('assertion', () => checkAssertion(client, assertion), assertion.name)
  await ask('amcheck', async () => (rules.amcheck ? checkIndexes(client, run) : skipped('The policy turns it off.')))
}

/** A superuser that may not log in on the source may do so here, or nothing could be asked; while it is measured it is as it was. */
async function lockOutAsOnSource(
  connect: () => Promise<SourceClient>,
  { globals = '', fingerprint }: Opened,
): Promise<AsyncDisposable> {
  const may = async (word: 'LOGIN' | 'NOLOGIN') => {
    await client?.query(`alter role ${quoteIdent(fingerprint.bootstrapRole)} ${word}`)
  }
  const client = superuserMayLogIn(globals, fingerprint.bootstrapRole) ? undefined : await connect()
  await may('NOLOGIN')
  return { [Symbol.asyncDispose]: () => may('LOGIN') }
}

function connectTo(scratch: ScratchServer, database: string): Promise<SourceClient> {
  return connectSource(scratch.connection(database), { applicationName: 'lifeboat drill', lockTimeoutMs: 60_000 })
}
