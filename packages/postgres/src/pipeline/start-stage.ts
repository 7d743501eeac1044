import { execa, type ResultPromise } from 'execa'
import type { Stage } from '../tools/stage.ts'

export type Child = ResultPromise<{ reject: false; buffer: false }>

export interface Wiring {
  stdin: number | 'ignore' | 'pipe'
  stdout: number | 'pipe'
  cancelSignal: AbortSignal
  forceKillAfterDelay: number
}

/** Starts one program with nothing of our environment. */
export function startStage(stage: Stage, { stdin, stdout, ...control }: Wiring): Child {
  const stdio = [stdin, stdout, 'pipe', ...furtherOf(stage)]
  return execa(stage.program, stage.args, {
    // Any open file descriptor will do; the types of execa know only the standard three.
    stdio: stdio as ['pipe', 'pipe', 'pipe'],
    env: stage.env,
    extendEnv: false,
    buffer: false,
    reject: false,
    stripFinalNewline: false,
    ...control,
  }) as unknown as Child
}

function furtherOf({ reports, inherits }: Stage): ('pipe' | number)[] {
  return [...(reports ? (['pipe'] as const) : []), ...(inherits === undefined ? [] : [inherits])]
}
