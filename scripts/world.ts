import { once } from 'node:events'
import { delimiter } from 'node:path'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { addressesOf } from './demo/addresses.ts'
import { openScreen } from './demo/screen.ts'

/** `pnpm world`: a whole Lifeboat with a small database and three folders as targets, until Ctrl-C. */
process.env.PATH = [process.env.PATH, '/usr/sbin'].join(delimiter)
const screen = openScreen(process.stderr)
const interrupted = once(process, 'SIGINT')
await using world = await startWorld({ onProgress: (step) => screen.live(step) })
for (const line of addressesOf(world)) screen.say(line)
screen.say('Ctrl-C ends it and removes it')
await interrupted
