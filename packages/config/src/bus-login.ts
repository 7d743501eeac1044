import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { BusConfig } from './schema/bus.ts'

/**
 * Where the bus is and how to log in, as `connectBus` wants it.
 *
 * @param secret gives what a reference stands for
 * @throws what `secret` throws for a reference that leads nowhere
 */
export function busLogin(bus: BusConfig, secret: (ref: SecretRef) => Secret) {
  const { servers, user, ca, replicas } = bus
  const optional = (ref: SecretRef | undefined) => ref && secret(ref)
  return {
    ...{ servers, user, ca, replicas },
    password: optional(bus.password),
    token: optional(bus.token),
    credentials: optional(bus.credentials),
  }
}
