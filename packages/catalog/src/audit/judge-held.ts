import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { CopyFinding, Held } from './survey.ts'

export interface JudgedCopy {
  /** The catalogue says that it is there. */
  expected: boolean
  /** It is there, and the catalogue does not know. */
  unlisted: boolean
  /** Objects nobody will ever complete or read. */
  leftover: boolean
  finding?: CopyFinding
  /** It is still wrong although that was told long ago: nobody was asked to mend it, or it could not be mended then. */
  unmended?: CopyFinding
}

/** What was stored while the list was being read need not stand in it, and the catalogue hears of it a moment later. */
const MARGIN_MS = 10 * 60_000
/** Mending reads all of a copy, so what cannot be mended is tried once a day. */
const AGAIN_MS = 20 * 3_600_000

/** What one copy should be against what is listed of it. */
export function judgeHeld(
  record: BackupRecord,
  targetId: TargetId,
  held: Held | undefined,
  lookedMs: number,
): JudgedCopy {
  const copy = record.copies[targetId]
  const calm = { expected: false, unlisted: false, leftover: false }
  switch (copy?.state) {
    case undefined:
    case 'expected':
    case 'refused': {
      const failed = record.sealedAt === undefined && record.failedAt !== undefined
      const settled = held?.manifest === true && lookedMs - held.newestMs > MARGIN_MS
      return { ...calm, unlisted: settled, leftover: failed && held?.manifest !== true }
    }
    // Hidden: it may be on its way out, or back.
    case 'marked':
      return calm
    case 'expired':
      return { ...calm, leftover: held !== undefined }
    default: {
      const fresh = [copy?.storedAt, copy?.remadeAt].some(
        (at) => at !== undefined && Date.parse(at) > lookedMs - MARGIN_MS,
      )
      const seen = compare(record, held)
      const about = { sourceId: record.sourceId, backupId: record.backupId }
      const same = seen.found === copy?.state || (seen.found === 'whole' && copy?.state !== 'missing')
      if (fresh) return calm
      if (!same) return { ...calm, expected: true, finding: { ...about, ...seen } }
      const unmended = lookedMs - Date.parse(copy?.audit?.at ?? '') > AGAIN_MS && stillWrong(copy)
      return { ...calm, expected: true, ...(unmended && { unmended: { ...about, ...unmended } }) }
    }
  }
}

function stillWrong(copy: Copy | undefined): Pick<CopyFinding, 'found' | 'problem'> | undefined {
  if (copy?.state !== 'missing' && copy?.state !== 'damaged') return undefined
  return { found: copy.state, problem: copy.audit?.problem ?? 'it was found so before' }
}

/** A list cannot see that bytes are wrong, so a damaged copy is not whole again by its size. */
function compare({ bytes = 0 }: BackupRecord, held: Held | undefined): Pick<CopyFinding, 'found' | 'problem'> {
  if (held === undefined) return { found: 'missing', problem: 'nothing of it is there' }
  if (!held.manifest) return { found: 'missing', problem: 'its manifest is not there' }
  if (held.partBytes !== bytes)
    return { found: 'damaged', problem: `its parts have ${held.partBytes} of ${bytes} bytes` }
  return { found: 'whole', problem: 'it is there again' }
}
