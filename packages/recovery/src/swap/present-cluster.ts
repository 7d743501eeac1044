import { open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A data directory as it lies there, asked without a server. */
export interface PresentCluster {
  /** undefined: no control file can be read. */
  systemIdentifier: string | undefined
  major: number | undefined
  uid: number
  gid: number
  tablespaces: number
  /** It is a disk of its own, which cannot be renamed. */
  isMount: boolean
}

/** undefined: nothing is there. */
export async function presentCluster(dataDirectory: string): Promise<PresentCluster | undefined> {
  const found = await stat(dataDirectory).catch(() => undefined)
  if (!found) return undefined
  const version = await readFile(join(dataDirectory, 'PG_VERSION'), 'utf8').catch(() => '')
  const tablespaces = await readdir(join(dataDirectory, 'pg_tblspc')).catch(() => [])
  return {
    ...{ uid: found.uid, gid: found.gid, tablespaces: tablespaces.length },
    major: Number.parseInt(version, 10) || undefined,
    isMount: found.dev !== (await stat(dirname(dataDirectory))).dev,
    systemIdentifier: await systemIdentifierIn(dataDirectory),
  }
}

/** @see https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_control.h – the first field of the file, in the machine's own order */
async function systemIdentifierIn(dataDirectory: string): Promise<string | undefined> {
  const file = await open(join(dataDirectory, 'global', 'pg_control')).catch(() => undefined)
  if (!file) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0)
    return bytesRead === 8 ? String(buffer.readBigUInt64LE(0)) : undefined
  } finally {
    await file.close()
  }
}
