import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'

export interface SourceFinding {
  check:
    | 'connection'
    | 'server'
    | 'tools'
    | 'tables'
    | 'row-security'
    | 'large-objects'
    | 'role-passwords'
    | 'subscriptions'
    | 'user-mappings'
    | 'replication'
    | 'wal-level'
    | 'wal-senders'
    | 'replication-slots'
    | 'slot-keeps'
    | 'wal-disk'
    | 'wal-summaries'
    | 'data-checksums'
    | 'config-files'
    | 'heartbeat'
    | 'exports'
    | 'root'
    | 'files'
    | 'mounts'
    | 'secrets'
  /** `lacking`: no complete backup before this is repaired · `note`: complete but for what the sentence says · `fine` */
  state: 'fine' | 'note' | 'lacking'
  /** One sentence for people. */
  message: string
  /** SQL that repairs it, each a whole statement; run by a superuser. */
  statements: string[]
  error?: ErrorReport
}

export function fine(check: SourceFinding['check'], message: string): SourceFinding {
  return { check, state: 'fine', message, statements: [] }
}

export function note(check: SourceFinding['check'], message: string, ...statements: string[]): SourceFinding {
  return { check, state: 'note', message, statements }
}

export function lacking(check: SourceFinding['check'], message: string, ...statements: string[]): SourceFinding {
  return { check, state: 'lacking', message, statements }
}
