import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { dies, said } from './agent-process.ts'
import type { ClusterHouse } from './cluster-house.ts'
import { gatedLives } from './gated-lives.ts'

export const phase = (name: string) => `"phase":"${name}"`
export const stage = (name: string) => `"stage":"${name}"`

/** What keeps the agent from being further than where it is killed. */
function heldAt(words: string): ('stop' | 'start' | 'ready')[] {
  if (words === phase('ready hook')) return ['ready']
  if (words === phase('look again')) return []
  return words === phase('swap') || words === phase('start hook') ? ['start'] : ['stop']
}

export interface Killed {
  /** A command that comes to its end first. */
  before?: object
  /** Between the two. */
  lose?: () => Promise<void>
  command: object
  /** What the agent says when it is killed. */
  words: string
  /** Before it is killed. */
  hung?: (order: { restoreId: string; agentId: string }) => Promise<void>
  /** Between its two lives. */
  meanwhile?: (killed: { restoreId: string; entry: { aside: string; back?: string } }) => Promise<void>
}

/** A command is given, the agent is killed as soon as it says those words, and its next life brings the command to its end. */
export async function killedAt(
  house: ClusterHouse,
  { before, lose = async () => {}, command, words, hung = async () => {}, meanwhile = async () => {} }: Killed,
) {
  const { at, section, login } = house
  const cfg = house.config()
  const lives = gatedLives(at.house, cfg, { restore: section, signers: at.signers, source: { restore: login } })
  const settled = async ({ restoreId }: { restoreId: string }) => (await at.settled(restoreId))[0]
  await using first = await lives.next()
  if (before !== undefined) expect(await settled(await house.command(cfg, before))).toMatchObject({ outcome: 'done' })
  await lose()
  lives.hold(heldAt(words))
  const told = first.log().length
  const order = await house.command(cfg, command)
  await said(first, words, told)
  await hung(order)
  await dies(first, at.house, cfg)
  const book = join(at.house.folder, cfg.agentId, 'restores', `${order.restoreId}.json`)
  await meanwhile({ restoreId: order.restoreId, entry: JSON.parse(await readFile(book, 'utf8')) })
  lives.letGo()
  const second = await lives.next()
  return {
    ending: await settled(order),
    /** A cluster beside would outlive the test. */
    async release() {
      const released = await house.command(cfg, { action: 'release', place: 'beside' })
      expect(await settled(released)).toMatchObject({ outcome: 'done' })
    },
    [Symbol.asyncDispose]: () => second[Symbol.asyncDispose](),
  }
}
