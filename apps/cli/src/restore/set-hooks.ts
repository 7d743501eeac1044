import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** Each may be given several times: a name for every source, `source=name` for one. */
export interface SetHookArgs {
  stopHook?: string[]
  startHook?: string[]
  readyHook?: string[]
  postHook?: string[]
}

type Hooks = { [hook in keyof SetHookArgs]?: string }

/** The hooks around the swap of one source of a set. @throws LifeboatError CLI_USAGE – one is given for a source that is not in it */
export function hooksAround(sourceId: string, args: SetHookArgs, sources: readonly string[]): Hooks {
  const names = ['stopHook', 'startHook', 'readyHook', 'postHook'] as const
  return Object.fromEntries(
    names.flatMap((name) => hookOf(sourceId, args[name] ?? [], sources).map((hook) => [name, hook])),
  )
}

function hookOf(sourceId: string, given: readonly string[], sources: readonly string[]): string[] {
  const all = given.map((text) => /^(?:(.*)=)?(.*)$/.exec(text)?.slice(1) as [string | undefined, string])
  const stray = all.find(([source]) => source !== undefined && !sources.includes(source))
  if (stray)
    throw new LifeboatError('CLI_USAGE', { problem: `no hook is needed around ${stray[0]}: it is not brought back` })
  const own = all.findLast(([source]) => source === sourceId) ?? all.findLast(([source]) => source === undefined)
  return own ? [own[1]] : []
}
