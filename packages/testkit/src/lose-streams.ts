import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

/**
 * Everything JetStream keeps is gone, as of a NATS whose disk was lost: wishes, facts and all buckets. What is connected finds its streams missing.
 *
 * @returns how many streams there were
 */
export async function loseStreams(url: string): Promise<number> {
  const nc = await connect({ servers: url })
  try {
    const { streams } = await jetstreamManager(nc)
    const names = (await Array.fromAsync(streams.names())) as string[]
    for (const name of names) await streams.delete(name)
    return names.length
  } finally {
    await nc.close()
  }
}
