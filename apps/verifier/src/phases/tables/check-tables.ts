import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { constraintsOf } from '@lifeboat/postgres/table-export/definition.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import type { ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { checkAssertion } from '../../checks/assertions.ts'
import type { Drill } from '../../drill.ts'
import { type Answer, failed, passed, skipped } from '../../findings.ts'
import { connectTo } from './boot-for-tables.ts'

/** So many differences are told one by one. */
const TOLD = 5
/** Class 23: the rows break a rule they kept on the source. */
const VIOLATION = /^23/

/** Did the same rows come back, do they obey their rules, and do they answer the policy's questions? */
export async function checkTables(drill: Drill, scratch: ScratchServer, of: TableExport): Promise<void> {
  const { findings, rules, run } = drill
  await using client = await connectTo(scratch, of.database)
  run.signal.addEventListener('abort', () => void client.end().catch(() => {}), { once: true })
  const ask = (check: 'fingerprint' | 'constraints' | 'assertion', question: () => Promise<Answer>, subject?: string) =>
    findings.askAlso({ check, ...(subject !== undefined && { subject }) }, async () => {
      try {
        return await question()
      } catch (thrown) {
        throw (await scratch.trouble()) ?? thrown
      }
    })
  await client.query('select 1')
  findings.firstAnswerAt = performance.now()
  await ask('fingerprint', () => compareRows(client, of.tables))
  await ask('constraints', () => askConstraints(client, of.tables))
  for (const assertion of rules.assertions)
    await ask('assertion', () => checkAssertion(client, assertion), assertion.name)
}

async function compareRows(client: SourceClient, tables: readonly ExportedTable[]): Promise<Answer> {
  await client.query('begin read only')
  await pinSettings(client)
  const differences: string[] = []
  for (const table of tables) {
    const { schema, name, columns } = table
    const found = await measureExport(client, { schema, name, columns })
    if (found.rows !== table.rows) differences.push(`${table.title} has ${found.rows} rows instead of ${table.rows}.`)
    else if (found.hash !== table.hash) differences.push(`Rows of ${table.title} differ.`)
  }
  await client.query('commit')
  if (differences.length > 0) return failed(told(differences))
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  return passed(`All ${tables.length} tables with ${rows} rows came back, compared by content.`)
}

/** Keys and checks; one that needs something the drill does not have, a function of the user's, is not asked. */
async function askConstraints(client: SourceClient, tables: readonly ExportedTable[]): Promise<Answer> {
  const broken: string[] = []
  const unasked: string[] = []
  let kept = 0
  for (const { what, sql } of tables.flatMap(constraintsOf)) {
    try {
      await client.query(sql)
      kept += 1
    } catch (thrown) {
      const { code, message } = thrown as { code?: string; message: string }
      if (code === undefined || code.startsWith('57')) throw thrown
      if (VIOLATION.test(code)) broken.push(`${what}: ${message}.`)
      else unasked.push(what)
    }
  }
  if (broken.length > 0) return failed(told(broken))
  const rest =
    unasked.length === 0 ? '' : ` ${unasked.length} could not be asked here: ${unasked.slice(0, TOLD).join('; ')}.`
  return kept === 0
    ? skipped(`No key or check was there to be asked.${rest}`)
    : passed(`The rows obey ${kept} keys and checks.${rest}`)
}

function told(sentences: readonly string[]): string {
  const more = sentences.length - TOLD
  return [...sentences.slice(0, TOLD), ...(more > 0 ? [`And ${more} more.`] : [])].join(' ')
}
