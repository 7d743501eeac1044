import { hasAttributes } from '@lifeboat/files/take/tar-create.ts'
import { findPostgresTools, findProgram, type Program, type Search } from '@lifeboat/postgres/tools/find-tools.ts'
import { hasZstd } from '@lifeboat/postgres/tools/pg-dump.ts'

/** The programs one dump needs, found for the major version of its server. */
export interface Toolbox {
  pgDump: Program
  pgDumpall: Program
  zstd: Program
  age: Program
  pgDumpMajor: number
  pgDumpHasZstd: boolean
}

/** @throws LifeboatError TOOL_MISSING with the package that brings it */
export async function findToolbox(serverMajor: number, search: Search): Promise<Toolbox> {
  const tools = await findPostgresTools(serverMajor, ['pg_dump', 'pg_dumpall'], search)
  const [pgDump, pgDumpall, zstd, age] = await Promise.all([
    tools.program('pg_dump'),
    tools.program('pg_dumpall'),
    findProgram('zstd', search),
    findProgram('age', search),
  ])
  const pgDumpHasZstd = tools.major >= 16 && (await hasZstd(pgDump))
  return { pgDump, pgDumpall, zstd, age, pgDumpMajor: tools.major, pgDumpHasZstd }
}

/** Tool → its own version line, for the manifest. */
export function versionLines(tools: BaseToolbox & Partial<Toolbox> & Partial<FilesToolbox>): Record<string, string> {
  const { pgDump, pgDumpall, tar, zstd, age } = tools
  const lines = {
    ...(pgDump && { pg_dump: pgDump }),
    ...(pgDumpall && { pg_dumpall: pgDumpall }),
    ...(tar && { tar }),
    zstd,
    age,
  }
  return Object.fromEntries(Object.entries(lines).map(([tool, { versionLine }]) => [tool, versionLine]))
}

/** What a base takes: the server compresses, and only encryption and small things are done here. */
export type BaseToolbox = Pick<Toolbox, 'zstd' | 'age'>

/** @throws LifeboatError TOOL_MISSING with the package that brings it */
export async function findBaseToolbox(search: Search): Promise<BaseToolbox> {
  const [zstd, age] = await Promise.all([findProgram('zstd', search), findProgram('age', search)])
  return { zstd, age }
}

/** What a tree of files takes. */
export interface FilesToolbox extends BaseToolbox {
  tar: Program
  /** Whether this tar knows extended attributes and access control lists. */
  tarHasAttributes: boolean
}

/** @throws LifeboatError TOOL_MISSING with the package that brings it */
export async function findFilesToolbox(search: Search): Promise<FilesToolbox> {
  const [tar, base] = await Promise.all([findProgram('tar', search), findBaseToolbox(search)])
  return { ...base, tar, tarHasAttributes: await hasAttributes(tar) }
}
