import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'

/** The shell sorts a pattern, and numbers of five digits sort like numbers. */
export function catParts(artifact: Pick<Artifact, 'name'> | undefined): string {
  return `cat ${artifact?.name ?? ''}.[0-9]*`
}

/** From the parts to the bytes that were compressed. */
export function plainOf(artifact: Pick<Artifact, 'name'> | undefined): string {
  const unzstd = artifact?.name.includes('.zst.') ? ' | zstd -d' : ''
  return `${catParts(artifact)} | age -d -i "$IDENTITY"${unzstd}`
}

export function digestLines({ name, parts }: Artifact): string[] {
  return parts.map(({ no, sha256 }) => `${sha256}  ${name}.${String(no).padStart(5, '0')}`)
}

export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
