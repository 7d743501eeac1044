import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { whole } from '../fetch/unseal.ts'

/** What pg_restore says of an archive instead of restoring it: its list, or SQL. */
export async function askArchive(
  archive: string,
  args: readonly string[],
  { path }: Program,
  run: Run,
): Promise<string> {
  const stage = { tool: 'pg_restore', program: path, args: [...args, archive], env: BASE_ENV }
  return (await runPipeline([stage], whole, run)).result
}

/** Hands on the argument by which pg_restore takes these lines of its list and nothing else; the file of it is removed afterwards. */
export async function choosing<T>(
  archive: string,
  lines: readonly string[],
  use: (argument: string) => Promise<T>,
): Promise<T> {
  const list = `${archive}.${randomUUID()}.list`
  await writeFile(list, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
  try {
    return await use(`--use-list=${list}`)
  } finally {
    await rm(list, { force: true })
  }
}
