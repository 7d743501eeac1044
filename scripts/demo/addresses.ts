import { join } from 'node:path'
import type { World } from '@lifeboat/testkit/world.ts'

/** Where everything of a running world is, one line each. */
export function addressesOf(world: World): string[] {
  const { postgres, database, user } = world.source
  return [
    `NATS        ${world.nats.url}`,
    `PostgreSQL  ${postgres.host}:${postgres.port}, database ${database}, backup role ${user}`,
    `mail        ${world.smtp.host}:${world.smtp.port}, ${world.smtp.inbox.length} mails so far`,
    ...Object.entries(world.targets).map(([name, { kind, address }]) => `target      ${name} (${kind}) at ${address}`),
    `logs        ${join(world.folder, 'logs')}`,
    `try         LIFEBOAT_CONFIG=${world.configPath} npx -y pnpm@12 lifeboat status`,
  ]
}
