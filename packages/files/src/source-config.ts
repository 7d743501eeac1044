import { AgentId } from '@lifeboat/shared/domain/ids.ts'
import { ByteSize } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'

const Below = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/, 'a path below root, not starting with a slash, no step of it `..`')

/** A tree of files on the host of an agent: code, configuration, logs. */
export const FilesSourceConfig = z.strictObject({
  kind: z.literal('files').describe('A folder with files.'),
  agent: AgentId.describe('The agent on the host of the files; a name under `agents`.'),
  root: z
    .string()
    .regex(/^\/(?!.*(^|\/)\.\.(\/|$)).*$/, 'an absolute path, no step of it `..`')
    .describe('The folder. Names in the backup are relative to it.'),
  include: z
    .array(Below)
    .default([])
    .describe(
      'Files and folders below root, a folder with everything in it; `*` and `?` match within one name. Default everything.',
    ),
  exclude: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'What is left out, a folder with everything in it: `node_modules` or `*.tmp` wherever the name occurs, `cache/*` (with a slash) only there below root.',
    ),
  oneFilesystem: z
    .boolean()
    .default(true)
    .describe('Whether what is mounted inside the tree is left out (and told); the mount point itself is kept.'),
  maxFileBytes: ByteSize.optional().describe('Larger files are left out and told; default no limit.'),
  unreadable: z
    .enum(['tell', 'fail'])
    .default('tell')
    .describe('What a file the agent may not read means: tell backs up the rest and says so, fail ends the run.'),
  rotating: z
    .boolean()
    .default(false)
    .describe(
      'For logs: looks whether files were renamed or cut while they were read, and if so once more, so that no line is lost or doubled.',
    ),
})
export type FilesSourceConfig = z.infer<typeof FilesSourceConfig>
