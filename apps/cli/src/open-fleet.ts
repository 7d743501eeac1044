import { dirname } from 'node:path'
import { busLogin } from '@lifeboat/config/bus-login.ts'
import { findConfigFile } from '@lifeboat/config/config-path.ts'
import { readConfigFile } from '@lifeboat/config/read-config.ts'
import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import type { ConfigOf, SectionName } from '@lifeboat/config/sections.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Context } from './context.ts'
import { terminalLog } from './terminal-log.ts'

/** A person waits: rather an error soon than patience, where no server is there … */
const FIRST_MS = 3_000
/** … and one that is there may be busy with something else. */
const PATIENCE_MS = 20_000

export interface Settings<S extends SectionName> {
  config: ConfigOf<S>
  /** @throws LifeboatError CONFIG_SECRET_MISSING */
  secret(ref: SecretRef): Secret
  log: Logger
}

/**
 * Reads only the sections a command needs, so that a fault elsewhere in the file does not keep it from answering.
 *
 * @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID
 */
export async function readSettings<S extends SectionName>(
  context: Context,
  sections: readonly S[],
): Promise<Settings<S>> {
  const { terminal, options } = context
  const path = findConfigFile({ given: options.config, env: terminal.env, cwd: terminal.cwd })
  const config = await readConfigFile(path, sections)
  const log = terminalLog(terminal, options.verbose ?? false)
  const warn = (problem: { message: string; hint: string }) => log.warn(problem, `${problem.message}. ${problem.hint}`)
  return { config, log, secret: (ref) => resolveSecret(ref, { env: terminal.env, baseDir: dirname(path), warn }) }
}

/**
 * Opens the bus for the length of one command.
 *
 * @throws LifeboatError CONFIG_* | BUS_*
 */
export async function withFleet<S extends SectionName, R>(
  context: Context,
  sections: readonly S[],
  use: (fleet: Settings<S | 'bus'> & { bus: Bus }) => Promise<R>,
): Promise<R> {
  const settings = await readSettings<S | 'bus'>(context, [...sections, 'bus'])
  const { bus: config } = settings.config as ConfigOf<'bus'>
  await using bus = await connectBus({
    ...busLogin(config, settings.secret),
    name: 'cli',
    log: settings.log,
    firstMs: FIRST_MS,
    patienceMs: PATIENCE_MS,
  })
  return await use({ ...settings, bus })
}
