/** What a page of docs/runbooks gives to be typed. */
export interface PageCommands {
  /** Heading of the section → its blocks of `sh`, one behind the other, those inside lists included. */
  sections: ReadonlyMap<string, string>
  /** Commands of `lifeboat` that stand anywhere else: in running text, or in a block that is no `sh`. */
  loose: readonly string[]
}

const SECTION = /^## /m
/** As deep in a list as it is. */
const BLOCK = /^(?<depth> *)```(?<kind>\w*)\n(?<lines>.*?)^\k<depth>```$/gms
const INLINE = /`(?<code>[^`\n]+)`/g

export function commandsOf(page: string): PageCommands {
  const sections = new Map<string, string>()
  const loose: string[] = []
  for (const section of page.split(SECTION)) {
    const heading = section.slice(0, section.indexOf('\n'))
    for (const { depth = '', kind, lines = '' } of blocksOf(section)) {
      const script = lines.replaceAll(new RegExp(`^${depth}`, 'gm'), '')
      if (kind === 'sh') sections.set(heading, (sections.get(heading) ?? '') + script)
      else loose.push(...script.split('\n').filter(isLifeboat))
    }
    const text = section.replaceAll(BLOCK, '')
    loose.push(...Array.from(text.matchAll(INLINE), ({ groups }) => groups?.code ?? '').filter(isLifeboat))
  }
  return { sections, loose }
}

/** `restore revert` of `lifeboat restore revert "$SOURCE" --in-place`. */
export function verbOf(command: string): string {
  return /\blifeboat (?<verb>[a-z]+(?: [a-z]+)*)/.exec(command)?.groups?.verb ?? ''
}

function blocksOf(section: string): Partial<Record<'depth' | 'kind' | 'lines', string>>[] {
  return Array.from(section.matchAll(BLOCK), ({ groups }) => groups ?? {})
}

function isLifeboat(line: string): boolean {
  return verbOf(line) !== '' && /^\s*(npx -y pnpm@12 )?lifeboat /.test(line)
}
