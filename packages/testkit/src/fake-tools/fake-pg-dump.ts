import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HELD = 'held'

/** How a pg_dump misbehaves; sizes are bytes of its own output. */
export type Misbehaviour =
  | { kind: 'exits 0 early'; afterBytes: number }
  | { kind: 'exits non-zero'; afterBytes: number; code: number }
  | { kind: 'is killed'; afterBytes: number }
  /** The whole dump is right, but it takes this long before it begins. */
  | { kind: 'is slow'; beforeMs: number }
  /** The whole dump is right, but it does not begin before it is told to go on, or its folder is gone. */
  | { kind: 'waits' }
  /** Leaves a table out without a word. */
  | { kind: 'forgets a table'; table: string }
  /** Copies its arguments and environment names into a file before it works. */
  | { kind: 'is watched'; into: string }

export interface FakeTools extends AsyncDisposable {
  readonly folder: string
  /** Those that wait come to their end. */
  goOn(): Promise<void>
}

/** A folder for `toolPaths` whose pg_dump does something odd with the real one; its pg_dumpall is the real one. */
export async function fakePgDump(binDir: string, misbehaviour: Misbehaviour): Promise<FakeTools> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-fake-tools-'))
  await chmod(folder, 0o755)
  await symlink(join(binDir, 'pg_dumpall'), join(folder, 'pg_dumpall'))
  const real = join(binDir, 'pg_dump')
  // Only a dump goes wrong: questions about the version or about compression are answered as ever.
  const script = `#!/bin/sh\ncase "$*" in *--snapshot=*) ;; *) exec ${real} "$@";; esac\n${bodyOf(real, misbehaviour)}\n`
  await writeFile(join(folder, 'pg_dump'), script, { mode: 0o755 })
  const held = join(folder, HELD)
  await writeFile(held, '')
  return {
    folder,
    goOn: () => rm(held, { force: true }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

function bodyOf(real: string, how: Misbehaviour): string {
  switch (how.kind) {
    case 'exits 0 early':
      return `${real} "$@" 2>/dev/null | head -c ${how.afterBytes}; exit 0`
    case 'exits non-zero':
      return `${real} "$@" 2>/dev/null | head -c ${how.afterBytes}; echo "pg_dump: error: it broke" >&2; exit ${how.code}`
    case 'is killed':
      return `${real} "$@" 2>/dev/null | head -c ${how.afterBytes}; kill -KILL $$`
    case 'is slow':
      return `sleep ${how.beforeMs / 1000} & trap 'kill $!; exit 143' TERM; wait; exec ${real} "$@"`
    case 'waits':
      return `while [ -e "$(dirname "$0")/${HELD}" ]; do sleep 0.1; done; exec ${real} "$@"`
    case 'forgets a table':
      return `exec ${real} "$@" --exclude-table-data='${how.table}'`
    case 'is watched':
      return `tr '\\0' '\\n' < /proc/$$/cmdline > ${how.into}; exec ${real} "$@"`
  }
}
