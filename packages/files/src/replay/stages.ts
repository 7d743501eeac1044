import { fileURLToPath } from 'node:url'
import { BASE_ENV, type Stage } from '@lifeboat/postgres/tools/stage.ts'

/** Extracts an archive into a scratch folder; its output is an ExtractReport. */
export function extractStage(folder: string): Stage {
  return stage('files-extract', './extract-main.ts', folder)
}

/** Holds a scratch folder against a list of members; its output is a CompareReport. */
export function compareStage(folder: string): Stage {
  return stage('files-compare', './compare-main.ts', folder)
}

function stage(tool: string, script: string, folder: string): Stage {
  return {
    tool,
    program: process.execPath,
    args: [fileURLToPath(new URL(script, import.meta.url)), folder],
    env: BASE_ENV,
  }
}
