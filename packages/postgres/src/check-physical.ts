import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { ClientBase } from 'pg'
import { type ClusterFacts, readClusterFacts } from './cluster-facts.ts'
import { findConfigFiles } from './config-files.ts'
import type { SourceConnection } from './connection.ts'
import { heartbeatFinding } from './heartbeat.ts'
import { connectReplication } from './replication/connection.ts'
import { fine, lacking, note, type SourceFinding } from './source-finding.ts'
import { quoteIdent } from './sql-text.ts'
import { lookAtWalDisk, type WalDisk } from './wal-disk.ts'

export interface PhysicalWish {
  /** How to log in for replication. */
  replication: SourceConnection
  kinds: ReadonlySet<'base' | 'incremental' | 'wal'>
  /** Schema of the heartbeat, where one is to be written. */
  heartbeat?: string | undefined
  /** What the slot may keep back, bytes; where WAL is kept. */
  retained?: { warn: number; giveUp: number } | undefined
}

const RESTART = 'then restart the server'

/** Asks whether a server and two roles are fit for base backups, incrementals and WAL; names what is missing to the letter. */
export async function checkPhysical(
  client: ClientBase,
  to: SourceConnection,
  wish: PhysicalWish,
): Promise<SourceFinding[]> {
  const cluster = await readClusterFacts(client)
  const settings = await readSettings(client)
  const takesBases = wish.kinds.has('base') || wish.kinds.has('incremental')
  return [
    walLevelFinding(settings),
    sendersFinding(settings, wish),
    slotsFinding(settings, wish),
    ...(wish.retained === undefined
      ? []
      : [
          slotKeepsFinding(settings, wish.retained),
          walDiskFinding(await lookAtWalDisk(client), wish.retained, settings),
        ]),
    ...(wish.kinds.has('incremental') ? [summariesFinding(cluster)] : []),
    await replicationFinding(wish.replication),
    ...(wish.heartbeat === undefined ? [] : [await heartbeatFinding(client, to.user, wish.heartbeat)]),
    ...(takesBases ? [checksumsFinding(cluster), await configFinding(cluster, to)] : []),
  ]
}

interface Settings {
  walLevel: string
  maxSenders: number
  senders: number
  maxSlots: number
  slots: number
  /** max_slot_wal_keep_size, bytes. */
  slotKeeps: number | null
}

async function readSettings(client: ClientBase): Promise<Settings> {
  const { rows } = await client.query<Settings>(`
    select current_setting('wal_level') as "walLevel",
           current_setting('max_wal_senders')::int as "maxSenders", (select count(*)::int from pg_stat_replication) as senders,
           current_setting('max_replication_slots')::int as "maxSlots", (select count(*)::int from pg_replication_slots) as slots,
           nullif(pg_size_bytes(current_setting('max_slot_wal_keep_size')), -1)::float8 as "slotKeeps"`)
  return rows[0] as Settings
}

function walLevelFinding({ walLevel }: Settings): SourceFinding {
  return walLevel === 'minimal'
    ? lacking('wal-level', `wal_level is minimal; ${RESTART}`, 'ALTER SYSTEM SET wal_level = replica;')
    : fine('wal-level', `wal_level is ${walLevel}`)
}

/** A base needs one while it is taken, WAL one for good, which may be among those in use. */
function sendersFinding({ maxSenders, senders }: Settings, { kinds }: PhysicalWish): SourceFinding {
  const needed = (kinds.has('wal') ? 1 : 0) + (kinds.has('base') || kinds.has('incremental') ? 1 : 0)
  const inUse = `${senders} of ${maxSenders} WAL senders are in use`
  if (maxSenders - senders >= needed) return fine('wal-senders', inUse)
  const statement = `ALTER SYSTEM SET max_wal_senders = ${Math.max(10, senders + needed)};`
  const isHopeless = maxSenders < needed || senders === maxSenders
  return (isHopeless ? lacking : note)('wal-senders', `${inUse}, ${needed} are needed; ${RESTART}`, statement)
}

/** A base only wants one, to be sure of its WAL; our own for WAL may be among those in use. */
function slotsFinding({ maxSlots, slots }: Settings, { kinds }: PhysicalWish): SourceFinding {
  if (maxSlots > slots) return fine('replication-slots', `${slots} of ${maxSlots} replication slots are in use`)
  const statement = `ALTER SYSTEM SET max_replication_slots = ${Math.max(10, slots + 2)};`
  const message = `all ${maxSlots} replication slots are in use`
  if (kinds.has('wal') && slots === 0) return lacking('replication-slots', `${message}; ${RESTART}`, statement)
  const risk = 'a base backup then depends on wal_keep_size, and WAL on having its slot already'
  return note('replication-slots', `${message}: ${risk}; ${RESTART}`, statement)
}

/** A server that gives up before we do loses WAL while everybody thinks there is time. */
function slotKeepsFinding(
  { slotKeeps }: Settings,
  { warn, giveUp }: NonNullable<PhysicalWish['retained']>,
): SourceFinding {
  if (slotKeeps === null) return fine('slot-keeps', 'the server sets no limit to what a slot keeps back')
  const size = `max_slot_wal_keep_size is ${formatBytes(slotKeeps)}`
  if (slotKeeps >= giveUp) return fine('slot-keeps', `${size}, no less than retained.giveUp`)
  const [name, limit] = slotKeeps <= warn ? ['warn', warn] : ['giveUp', giveUp]
  return note(
    'slot-keeps',
    `${size}, less than retained.${name} (${formatBytes(limit)}): the server gives the slot up before Lifeboat would, and WAL is lost there; raise it where the disk has room, or lower retained.giveUp`,
    `ALTER SYSTEM SET max_slot_wal_keep_size = '${Math.ceil(giveUp / 1024 ** 2)}MB';`,
    'SELECT pg_reload_conf();',
  )
}

/** What a slot may keep has to fit on the disk, or the database stops before the limit is reached. Pure. */
export function walDiskFinding(
  disk: WalDisk,
  { giveUp }: NonNullable<PhysicalWish['retained']>,
  { slotKeeps }: Pick<Settings, 'slotKeeps'>,
): SourceFinding {
  const [limit, name] =
    slotKeeps !== null && slotKeeps < giveUp ? [slotKeeps, 'max_slot_wal_keep_size'] : [giveUp, 'retained.giveUp']
  const size = `${name} (${formatBytes(limit)})`
  if ('unknown' in disk)
    return note(
      'wal-disk',
      `whether the disk of pg_wal has room for ${size} is unknown here: ${disk.unknown}; ask on the host of the server`,
    )
  const free = `${formatBytes(disk.freeBytes)} are free on the disk of pg_wal`
  if (disk.freeBytes > limit) return fine('wal-disk', `${free}, more than ${size}`)
  return note(
    'wal-disk',
    `${free}, no more than ${size}: with targets away the disk is full before the slot is given up, and the database stops; lower it, or make room`,
  )
}

function summariesFinding({ server, summarizing }: ClusterFacts): SourceFinding {
  if (summarizing) return fine('wal-summaries', 'summarize_wal is on')
  if (server.major >= 17)
    return lacking(
      'wal-summaries',
      'summarize_wal is off: every incremental would be a full backup',
      ...['ALTER SYSTEM SET summarize_wal = on;', 'SELECT pg_reload_conf();'],
    )
  const err = new LifeboatError('BASE_INCREMENTAL_UNSUPPORTED', { version: server.version })
  return { ...lacking('wal-summaries', `${err.title}. ${err.hint}`), error: err.toReport() }
}

async function replicationFinding(to: SourceConnection): Promise<SourceFinding> {
  try {
    await using _ = await connectReplication(to, { applicationName: 'lifeboat source check' })
    return fine('replication', `${to.user} may replicate`)
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    return { ...refusalFinding(err, to), error: err.toReport() }
  }
}

function refusalFinding(err: LifeboatError, to: SourceConnection): SourceFinding {
  const { fix } = err.facts
  if (typeof fix !== 'string')
    return lacking('replication', `${to.user} cannot log in to replicate: ${err.title}. ${err.hint}`)
  if (/^ALTER ROLE/.test(fix)) return lacking('replication', `${to.user} may not replicate`, fix)
  const message = `pg_hba.conf has no line that lets ${to.user} replicate from here; add "${fix}" and reload`
  return lacking('replication', message, 'SELECT pg_reload_conf();')
}

function checksumsFinding({ checksums }: ClusterFacts): SourceFinding {
  return checksums
    ? fine('data-checksums', 'the server verifies the checksum of each page it sends')
    : note('data-checksums', 'data checksums are off: damaged pages go into backups unnoticed (pg_checksums --enable)')
}

async function configFinding({ config }: ClusterFacts, to: SourceConnection): Promise<SourceFinding> {
  const { files, left } = await findConfigFiles(config, to.host)
  if (left.length === 0) return fine('config-files', `${files.length} files outside the data directory come along`)
  const statements = config === undefined ? [`GRANT pg_read_all_settings TO ${quoteIdent(to.user)};`] : []
  return note(
    'config-files',
    `configuration that a base would leave out, seen from here: ${left.join('; ')}`,
    ...statements,
  )
}
