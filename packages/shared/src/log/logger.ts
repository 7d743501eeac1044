import { pino, stdSerializers } from 'pino'
import { LifeboatError } from '../errors/lifeboat-error.ts'

/** Constant sentence, facts as fields, units in field names: `log.info({ event: 'part.stored', bytes }, 'stored part')`. */
export interface Logger {
  error(facts: object, sentence: string): void
  warn(facts: object, sentence: string): void
  info(facts: object, sentence: string): void
  debug(facts: object, sentence: string): void
  child(bound: object): Logger
}

/**
 * JSON lines on standard output (standard error when `to` says so, for tools whose output is data).
 *
 * @param level one of pino's levels, `silent` for none
 */
export function createLogger(opts: { service: string; level?: string; to?: 'stdout' | 'stderr' }): Logger {
  return pino(
    {
      level: opts.level ?? 'info',
      base: { service: opts.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: serializeError },
      redact: { paths: ['*.password', '*.token', '*.secret', '*.authorization'], censor: '[secret]' },
    },
    pino.destination({ dest: opts.to === 'stderr' ? 2 : 1, sync: true }),
  )
}

export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLogger,
}

/** The stack belongs to errors nobody expected; a catalogued one is told by code, facts and hint. */
function serializeError(err: unknown): unknown {
  if (!(err instanceof LifeboatError)) return err instanceof Error ? stdSerializers.err(err) : err
  const cause = err.cause instanceof Error ? stdSerializers.err(err.cause) : undefined
  return { ...err.toReport(), ...(cause && err.code === 'INTERNAL' ? { cause } : { causeMessage: cause?.message }) }
}
