import type { Judgement, Rule, WatchedFooting } from '../world.ts'
import { minuteOf } from './minute-of.ts'

/** A restart of a database, and a deploy, are shorter. */
const PATIENCE_MS = 10 * 60_000

/** A process looked at what it stands on and found that the next run will fail. */
export const footingLost: Rule = ({ footings, nowMs }) =>
  footings.flatMap(({ part, name, found }): Judgement[] => {
    const cause = `footing-lost.${part}.${name}`
    if (found === undefined) return [{ cause, unknown: true }]
    const { error, since } = found
    if (error === undefined) return []
    const lostMs = nowMs - Date.parse(since)
    if (lostMs < PATIENCE_MS) return [{ cause, unknown: true }]
    const facts = Object.entries(error.facts).map(([fact, value]) => `${fact}: ${String(value)}`)
    return [
      {
        ...{ cause, rule: 'footing-lost', severity: 'warning', title: TITLES[part](name), hint: error.hint },
        details: [
          `${error.code}: ${error.title}`,
          ...facts,
          `It has been so since ${minuteOf(since)}; the next run that needs it will fail`,
        ],
      },
    ]
  })

const TITLES: Record<WatchedFooting['part'], (name: string) => string> = {
  source: (name) => `The agent of ${name} is kept from it`,
  target: (name) => `Uploaders cannot put to ${name}`,
  spool: (name) => `The spool of ${name} takes no backup`,
  scratch: () => 'A verifier cannot drill',
}
