import { expect, test } from 'vitest'
import { PartStored } from '../src/bus/messages/part.ts'
import { aPart, openWorld } from './bus-world.ts'

test('whoever follows a fact reads what happened since a moment, hears when that is over, and then what comes, through a restart of NATS', async () => {
  await using world = await openWorld()
  const stop = new AbortController()
  await world.bus.publish(PartStored, aPart(1))
  await new Promise((soon) => setTimeout(soon, 50))
  const since = Date.now()
  await world.bus.publish(PartStored, aPart(2))
  const heard: (number | string)[] = []
  const following = (async () => {
    const opts = { since, signal: stop.signal, caughtUp: () => heard.push('caught up') }
    for await (const { partNo } of world.bus.follow(PartStored, opts)) heard.push(partNo)
  })()
  await expect.poll(() => heard).toEqual([2, 'caught up'])
  await world.nats.restart({ signal: 'SIGKILL' })
  await world.bus.publish(PartStored, aPart(3))
  await expect.poll(() => heard).toEqual([2, 'caught up', 3])
  stop.abort()
  await following
})
