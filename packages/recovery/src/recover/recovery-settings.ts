import type { Timeline } from '@lifeboat/shared/domain/wal.ts'
import type { Goal } from '../goal.ts'

/** What becomes of the server when it has reached its goal. `shutdown` leaves a cluster that goes on recovering when it is started again. */
export type AtGoal = 'pause' | 'promote' | 'shutdown'

export interface RecoverySettingsOptions {
  goal: Goal
  timeline: Timeline | 'current'
  atGoal: AtGoal
  /** Runs for every segment that is wanted; undefined: what the backup holds is all there is. */
  restoreCommand: string | undefined
  /** Whether the goal itself is replayed; default true. Ignored for `latest`, `name` and the end of the backup. */
  inclusive?: boolean
  /** Settings the replay needs at least as high as on the source; see `floorsOf`. */
  floors: Readonly<Record<string, number>>
  port: number
  socketDir: string
}

/**
 * Settings of a server that recovers beside the original and must not meddle with it: it archives nowhere, streams from nobody, starts no
 * subscription and no library of its own accord, and listens on its socket only.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-wal.html#RUNTIME-CONFIG-WAL-RECOVERY-TARGET
 */
export function recoverySettings(opts: RecoverySettingsOptions): Record<string, string> {
  const { goal, timeline, atGoal, floors } = opts
  return {
    ...ISOLATED,
    port: String(opts.port),
    unix_socket_directories: opts.socketDir,
    ...Object.fromEntries(Object.entries(floors).map(([name, floor]) => [name, String(floor)])),
    // A command is demanded; this one says that nothing is there.
    restore_command: opts.restoreCommand ?? 'exit 1',
    recovery_target_timeline: String(timeline),
    ...targetOf(goal),
    ...(goal.to === 'latest' ? {} : { recovery_target_action: atGoal }),
    ...(['time', 'xid', 'lsn'].includes(goal.to) && {
      recovery_target_inclusive: opts.inclusive === false ? 'off' : 'on',
    }),
  }
}

const ISOLATED: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  hot_standby: 'on',
  archive_mode: 'off',
  archive_command: '',
  primary_conninfo: '',
  primary_slot_name: '',
  synchronous_standby_names: '',
  recovery_min_apply_delay: '0',
  // One that is held looks whether it is to stand still as often as it looks for WAL.
  wal_retrieve_retry_interval: '100ms',
  recovery_end_command: '',
  archive_cleanup_command: '',
  max_logical_replication_workers: '0',
  shared_preload_libraries: '',
  session_preload_libraries: '',
  local_preload_libraries: '',
  ssl: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'warning',
  external_pid_file: '',
  lc_messages: 'C',
  log_timezone: 'UTC',
}

/**
 * Every kind is set, or one that the original left in its files would make two. The server refuses a second target even when it is empty, so
 * the one that counts comes last.
 */
function targetOf(goal: Goal): Record<string, string> {
  const [name, value] = targetSetting(goal)
  const others = ['', '_time', '_lsn', '_xid', '_name'].map((kind) => `recovery_target${kind}`)
  const empty = Object.fromEntries(others.filter((other) => other !== name).map((other) => [other, '']))
  return { ...empty, ...(name !== undefined && { [name]: value }) }
}

function targetSetting(goal: Goal): [string, string] | [undefined, ''] {
  switch (goal.to) {
    case 'latest':
      return [undefined, '']
    case 'end of backup':
      return ['recovery_target', 'immediate']
    case 'time':
      return ['recovery_target_time', withOffset(goal.time)]
    case 'lsn':
      return ['recovery_target_lsn', goal.lsn]
    case 'xid':
      return ['recovery_target_xid', goal.xid]
    case 'name':
      return ['recovery_target_name', goal.name]
  }
}

function withOffset(time: string): string {
  return time.replace('T', ' ').replace('Z', '+00')
}

/** Line of pg_controldata → setting that must not be lower while WAL of that server is replayed. */
const FLOORS: Readonly<Record<string, string>> = {
  'max_connections setting': 'max_connections',
  'max_worker_processes setting': 'max_worker_processes',
  'max_wal_senders setting': 'max_wal_senders',
  'max_prepared_xacts setting': 'max_prepared_transactions',
  'max_locks_per_xact setting': 'max_locks_per_transaction',
}

/**
 * Reads what pg_controldata printed.
 *
 * @see https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
 */
export function floorsOf(controlData: string): Record<string, number> {
  const lines = controlData.split('\n').map((line) => line.split(/:\s+/) as [string, string | undefined])
  return Object.fromEntries(
    lines.flatMap(([name, value]) => {
      const setting = FLOORS[name]
      return setting === undefined ? [] : [[setting, Number(value)]]
    }),
  )
}

/** Nobody comes in but through the socket, which only its owner reaches. */
export const LOCAL_HBA = 'local all all trust\nlocal replication all trust\n'
