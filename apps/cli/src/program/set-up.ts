import type { Shape } from './shape.ts'

/** What is looked at and made before the first backup. */
export function addSettingUp({ does, noun, verb }: Shape): void {
  does(
    verb(
      noun('source', 'Databases and trees of files under our care.'),
      'check',
      'Ask whether a complete backup is possible; of a database it prints the GRANTs that are missing, of a tree it names files.',
    ).argument('<name>', 'a name under `sources`'),
    async () => (await import('../commands/source-check.ts')).sourceCheck,
    ['name'],
  )

  does(
    verb(noun('config', 'lifeboat.yaml.'), 'check', 'List every problem of the configuration, each with its line.'),
    async () => (await import('../commands/config-check.ts')).configCheck,
  )
}
