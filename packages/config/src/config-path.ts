import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** The environment a process was started with; `main.ts` hands `process.env` in, nothing below it looks for itself. */
export type Env = Readonly<Record<string, string | undefined>>

export const CONFIG_VARIABLE = 'LIFEBOAT_CONFIG'
const PLACES = ['lifeboat.yaml', '/etc/lifeboat/lifeboat.yaml'] as const

/**
 * Where lifeboat.yaml is: `--config`, else LIFEBOAT_CONFIG, else ./lifeboat.yaml, else /etc/lifeboat/lifeboat.yaml.
 *
 * @returns an absolute path; the last place of the list when no file exists anywhere, so that reading it reports the fault
 */
export function findConfigFile(opts: { given?: string | undefined; env: Env; cwd: string }): string {
  const named = opts.given ?? opts.env[CONFIG_VARIABLE]
  if (named) return resolve(opts.cwd, named)
  const places = PLACES.map((place) => resolve(opts.cwd, place))
  return places.find((place) => existsSync(place)) ?? (places.at(-1) as string)
}
