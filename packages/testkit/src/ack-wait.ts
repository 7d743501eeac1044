import { jetstreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'

const WISHES = 'LIFEBOAT_WISHES'
/** Long past for whoever held a message when it died. */
const NO_TIME_MS = 100

/**
 * Lets the half minute pass for which NATS leaves wishes with a worker that says nothing any more: they are handed to whoever asks next.
 *
 * For the time between the death of a worker and the start of its next life, which sets its consumers right again.
 *
 * @param worker its consumers have this name, or one that goes on behind it with a dash
 */
export async function ackWaitPasses(url: string, worker: string): Promise<void> {
  const nc = await connect({ servers: url })
  try {
    const { consumers } = await jetstreamManager(nc)
    for await (const { name } of consumers.list(WISHES))
      if (`${name}-`.startsWith(`${worker}-`)) await consumers.update(WISHES, name, { ack_wait: nanos(NO_TIME_MS) })
  } finally {
    await nc.close()
  }
}
