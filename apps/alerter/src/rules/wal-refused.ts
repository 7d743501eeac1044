import type { Rule } from '../world.ts'

/** The agent has stopped receiving: what comes is not what the archive is of, and only a person can say which one is meant. */
export const walRefused: Rule = (world) =>
  world.wal.flatMap(({ sourceId, state }) => {
    const cause = `wal-refused.${sourceId}`
    if (state === undefined) return { cause, unknown: true }
    if (state.status !== 'refused') return []
    const { error, systemIdentifier, safe } = state
    const facts = Object.entries(error?.facts ?? {}).map(([name, value]) => `${name}: ${String(value)}`)
    return {
      cause,
      rule: 'wal-refused',
      severity: 'critical',
      title: `The WAL of ${sourceId} is refused`,
      details: [
        ...(error ? [`${error.code}: ${error.title}`] : []),
        ...facts,
        `The archive is of the cluster ${systemIdentifier} and ends at ${safe.lsn}, written until ${safe.at}`,
        'Nothing was overwritten, and nothing new goes off-site until this is decided',
      ],
      hint:
        error?.hint ??
        'If the cluster was made anew, give it a source name of its own in lifeboat.yaml; if it is the wrong server, correct its host and port.',
    }
  })
