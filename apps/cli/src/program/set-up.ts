import type { Shape } from './shape.ts'

/** What is looked at and made before the first backup. */
export function addSettingUp({ does, noun, verb }: Shape): void {
  does(
    verb(
      noun('source', 'Databases under our care.'),
      'check',
      'Ask whether a complete backup is possible; prints the GRANTs that are missing.',
    ).argument('<name>', 'a name under `sources`'),
    async () => (await import('../commands/source-check.ts')).sourceCheck,
    ['name'],
  )

  does(
    verb(noun('config', 'lifeboat.yaml.'), 'check', 'List every problem of the configuration, each with its line.'),
    async () => (await import('../commands/config-check.ts')).configCheck,
  )
}
