import { type JudgedStretch, judgeSourceKeys } from '@lifeboat/catalog/keys/judge-source-keys.ts'
import type { Finding, Rule, World } from '../world.ts'

/** Something that is kept can be opened with nothing that is declared available: it is lost, however proven it is. */
export const keyMissing: Rule = (world) =>
  findings(world, 'unreadable', (sourceId, details) => ({
    cause: `key-missing.${sourceId}`,
    rule: 'key-missing',
    severity: 'critical',
    title: `Backups of ${sourceId} cannot be opened with any key that is there`,
    details,
    hint: '`lifeboat key check` lists them. Find one of the identities (an escrow, docs/keys.md) and declare it under encryption.identities; if none is left, take new backups now.',
  }))

/** A key is about to be destroyed that something kept still needs. */
export const keyEnding: Rule = (world) =>
  findings(world, 'ending', (sourceId, details) => ({
    cause: `key-ending.${sourceId}`,
    rule: 'key-ending',
    severity: 'warning',
    title: `Backups of ${sourceId} need a key that is about to be destroyed`,
    details,
    hint: 'Move its `until` under encryption.identities behind the day the last of them expires; `lifeboat key check --without NAME` says which need it.',
  }))

function findings(
  { sealedTo, wal, identities, nowMs }: World,
  verdict: JudgedStretch['verdict'],
  finding: (sourceId: string, details: string[]) => Finding,
): Finding[] {
  return [...sealedTo].flatMap(([sourceId, sets]) => {
    const record = wal.find((watched) => watched.sourceId === sourceId)?.record
    const judged = judgeSourceKeys({ sealedTo: sets, wal: record }, identities, nowMs)
    const details = judged.filter((one) => one.verdict === verdict).map(({ what, reason }) => `${what}: ${reason}`)
    return details.length === 0 ? [] : [finding(sourceId, details)]
  })
}
