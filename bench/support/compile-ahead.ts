import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import type { ServiceName } from '@lifeboat/testkit/world/processes.ts'

const APPS = resolve(import.meta.dirname, '../../apps')
/** No thread of a process that starts without a configuration: by itself it finds nobody who gives it work. */
const EXTRACT_THREAD = resolve(APPS, '../packages/recovery/src/extract/extract-thread-main.ts')
/** How a service without a configuration ends. */
const EXIT_CONFIG = 2

/** Has what Node makes of the sources kept for the services of worlds that are started afterwards, by a start of each without a configuration: as the Dockerfile does. */
export async function compileAhead(services: readonly ServiceName[]): Promise<void> {
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), `lifeboat-compiled-${process.getuid?.() ?? 0}`)
  const env = childEnvironment({ LIFEBOAT_CONFIG: join(APPS, 'none.yaml') })
  const start = async (program: string, ends: number) => {
    const child = spawn(process.execPath, [program], { env, stdio: 'ignore' })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== ends) throw new LifeboatError('INTERNAL', { message: `${program} ended with ${code}` })
  }
  for (const service of services) await start(join(APPS, service, 'src/main.ts'), EXIT_CONFIG)
  await start(EXTRACT_THREAD, 0)
}
