import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const PG_AUTHID = 1260
const BOOTSTRAP_OID = 10
const PAGE_BYTES = 8192
const PAGE_HEADER_BYTES = 24
const NAME_BYTES = 64
/** The row version was not deleted, or only locked. */
const [XMAX_INVALID, XMAX_LOCK_ONLY] = [0x0800, 0x0080]

interface Role {
  oid: number
  name: string
  superuser: boolean
  mayLogIn: boolean
}

/**
 * Finds a superuser to ask a recovering server as: nobody can ask for its name before somebody is in. So the table of roles is read from the files
 * of the cluster, the one initdb made before others.
 *
 * @throws LifeboatError RECOVERY_REFUSED – no superuser may log in
 * @see https://www.postgresql.org/docs/current/storage-page-layout.html
 */
export async function findSuperuser(dataDir: string): Promise<string> {
  const map = await readFile(join(dataDir, 'global', 'pg_filenode.map'))
  const file = await readFile(join(dataDir, 'global', String(fileOf(PG_AUTHID, map))))
  const pages = Array.from({ length: Math.floor(file.length / PAGE_BYTES) }, (_, no) =>
    file.subarray(no * PAGE_BYTES, (no + 1) * PAGE_BYTES),
  )
  const able = pages.flatMap(rolesOn).filter(({ superuser, mayLogIn }) => superuser && mayLogIn)
  const chosen = able.find(({ oid }) => oid === BOOTSTRAP_OID) ?? able[0]
  if (!chosen) throw new LifeboatError('RECOVERY_REFUSED', { problem: 'no superuser of this cluster may log in' })
  return chosen.name
}

/** Magic, number of entries, then pairs of table and file. */
function fileOf(oid: number, map: Buffer): number {
  const entries = Array.from({ length: map.readInt32LE(4) }, (_, no) => 8 + no * 8)
  const entry = entries.find((at) => map.readUInt32LE(at) === oid)
  if (entry === undefined)
    throw new LifeboatError('RECOVERY_REFUSED', { problem: 'the table of roles cannot be found' })
  return map.readUInt32LE(entry + 4)
}

function rolesOn(page: Buffer): Role[] {
  const pointers = Math.max(0, (page.readUInt16LE(12) - PAGE_HEADER_BYTES) / 4)
  return Array.from({ length: pointers }, (_, no) => page.readUInt32LE(PAGE_HEADER_BYTES + no * 4))
    .filter((pointer) => ((pointer >> 15) & 3) === 1)
    .map((pointer) => page.subarray(pointer & 0x7fff, (pointer & 0x7fff) + (pointer >>> 17)))
    .filter(isAlive)
    .map(roleOf)
}

function isAlive(tuple: Buffer): boolean {
  const [xmax, mask] = [tuple.readUInt32LE(4), tuple.readUInt16LE(20)]
  return xmax === 0 || (mask & (XMAX_INVALID | XMAX_LOCK_ONLY)) !== 0
}

/** oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin */
function roleOf(tuple: Buffer): Role {
  const data = tuple.subarray(tuple.readUInt8(22))
  const name = data.subarray(4, 4 + NAME_BYTES)
  const flag = (no: number) => data[4 + NAME_BYTES + no] === 1
  return {
    oid: data.readUInt32LE(0),
    name: name.toString('utf8', 0, name.indexOf(0)),
    superuser: flag(0),
    mayLogIn: flag(4),
  }
}
