import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServiceProcess } from '@lifeboat/testkit/world/processes.ts'
import type { AgentConfig } from '../src/config.ts'
import type { AgentHouse } from './agent-house.ts'
import { type ProcessChange, spawnAgent } from './agent-process.ts'

const ALL = ['post', 'stop', 'start', 'ready'] as const
type On = (typeof ALL)[number]

/** Lives of an agent, one after the other, whose hooks begin and do nothing as long as they are held. */
export interface GatedLives {
  /** @param held by what they run on; a test that looks or kills meanwhile may take its time */
  next(held?: readonly On[], tools?: Pick<ProcessChange, 'toolPaths'>): Promise<ServiceProcess>
  /** From now on, in the present life. */
  hold(held: readonly On[]): void
  /** Hooks of all lives so far go on. */
  letGo(): void
}

export function gatedLives(house: AgentHouse, cfg: AgentConfig, change: ProcessChange): GatedLives {
  let lives = 0
  const gateOf = (life: number) => join(house.folder, `gate-${cfg.agentId}-${life}`)
  const open = (life: number, which: readonly On[]) => {
    for (const on of which) writeFileSync(`${gateOf(life)}-${on}`, '')
  }
  return {
    async next(held = [], tools = {}) {
      lives += 1
      open(
        lives,
        ALL.filter((on) => !held.includes(on)),
      )
      return spawnAgent(house, cfg, { ...change, ...tools, restore: gated(change.restore, gateOf(lives)) })
    },
    hold(held) {
      for (const on of held) rmSync(`${gateOf(lives)}-${on}`)
    },
    letGo() {
      for (let life = 1; life <= lives; life += 1) open(life, ALL)
    },
  }
}

interface HookSection {
  command: readonly string[]
  env?: Readonly<Record<string, string>>
}

const WHEN_OPEN = 'until [ -e "$GATE-$LIFEBOAT_HOOK" ]; do sleep 0.1; done; exec "$@"'

function gated(section: ProcessChange['restore'], gate: string): Record<string, unknown> {
  const hooks = Object.entries(section?.hooks as Record<string, HookSection>).map(([name, hook]) => [
    name,
    {
      ...{ ...hook, timeout: '10m', env: { ...hook.env, GATE: gate } },
      command: ['/bin/sh', '-c', WHEN_OPEN, 'gated', ...hook.command],
    },
  ])
  return { ...section, hooks: Object.fromEntries(hooks) }
}
