import { ownProgram } from '@lifeboat/postgres/tools/own-program.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import type { Replay } from './withheld.ts'

/** Extracts an archive into a folder; its output is an ExtractReport. */
export function extractStage(folder: string, replay: Replay): Stage {
  return stage('files-extract', './extract-main.ts', folder, replay)
}

/** Holds a folder against a list of members; its output is a CompareReport. */
export function compareStage(folder: string, replay: Replay): Stage {
  return stage('files-compare', './compare-main.ts', folder, replay)
}

function stage(tool: string, script: string, folder: string, replay: Replay): Stage {
  return { tool, ...ownProgram(new URL(script, import.meta.url), folder, JSON.stringify(replay)) }
}
