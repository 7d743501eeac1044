import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import type { ServiceName } from '@lifeboat/testkit/world/processes.ts'

const APPS = resolve(import.meta.dirname, '../../apps')
/** How a service without a configuration ends. */
const EXIT_CONFIG = 2

/** Has what Node makes of the sources kept for the services of worlds that are started afterwards, by a start of each without a configuration: as the Dockerfile does. */
export async function compileAhead(services: readonly ServiceName[]): Promise<void> {
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), `lifeboat-compiled-${process.getuid?.() ?? 0}`)
  const env = childEnvironment({ LIFEBOAT_CONFIG: join(APPS, 'none.yaml') })
  for (const service of services) {
    const child = spawn(process.execPath, [join(APPS, service, 'src/main.ts')], { env, stdio: 'ignore' })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== EXIT_CONFIG) throw new LifeboatError('INTERNAL', { message: `${service} ended with ${code}` })
  }
}
