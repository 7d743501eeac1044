import { readFile } from 'node:fs/promises'
import type { World } from '@lifeboat/testkit/world.ts'

export const CLOUDS = { aws: 's3', google: 'gcs', azure: 'azure' } as const
export type Cloud = keyof typeof CLOUDS

/** What somebody has written down who reads a bucket without Lifeboat's configuration. */
export function cloudSettings({ config }: World, cloud: Cloud) {
  const settings = config.targets[cloud] as unknown as Record<string, string>
  return {
    settings,
    secret: async (name: string) => (await readFile(String(settings[name]).replace('file:', ''), 'utf8')).trim(),
  }
}
