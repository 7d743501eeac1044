import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { FLEET_SECTIONS, readFleet } from '../status/read-fleet.ts'
import { statusText } from '../status/status-text.ts'

/** The state of every source and service, computed from what is recorded now; red where nothing is recorded. */
export const status: Command<object> = (_args, context) =>
  withFleet(context, FLEET_SECTIONS, async ({ bus, config }) => {
    const fleet = await readFleet(bus, config, context.clock.now())
    return {
      value: fleet,
      text: (style) => statusText(fleet, style),
      exit: fleet.light === 'green' ? 'ok' : 'attention',
    }
  })
