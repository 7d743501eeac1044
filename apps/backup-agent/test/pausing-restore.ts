import { existsSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RestoreHouse } from './restore-house.ts'

/** A pg_restore that has done what it was told and does not say so, until it is let go or this is disposed. */
export async function pausingRestore({ house: { pg, folder } }: Pick<RestoreHouse, 'house'>) {
  const tools = await mkdtemp(join(folder, 'tools-'))
  const [real, through, go] = ['pg_restore', 'through', 'go'].map((name, no) =>
    join(no === 0 ? pg.binDir : tools, name),
  )
  const pause = `touch ${through}; while [ -e ${through} ] && [ ! -e ${go} ]; do sleep 0.1; done`
  const script = `#!/bin/sh\n${real} "$@" || exit\ncase "$*" in *--dbname=*) ${pause};; esac\n`
  await writeFile(join(tools, 'pg_restore'), script, { mode: 0o755 })
  await symlink(join(pg.binDir, 'psql'), join(tools, 'psql'))
  return {
    toolPaths: [tools],
    isThrough: () => existsSync(join(tools, 'through')),
    letGo: () => writeFile(join(tools, 'go'), ''),
    [Symbol.asyncDispose]: () => rm(tools, { recursive: true }),
  }
}
