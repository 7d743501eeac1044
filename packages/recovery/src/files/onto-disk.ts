import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { findProgram, type Search } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { whole } from '../fetch/unseal.ts'

/** A power cut afterwards must not find half-written files in a tree that was said to be back. @see https://manpages.debian.org/bookworm/coreutils/sync.1.en.html */
export async function ontoDisk(folder: string, search: Search, run: Run): Promise<void> {
  const { path: program } = await findProgram('sync', search)
  await runPipeline([{ tool: 'sync', program, args: ['--file-system', folder], env: BASE_ENV }], whole, run)
}
