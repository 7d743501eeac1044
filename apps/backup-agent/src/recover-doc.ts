import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'

export const RECOVER_DOCUMENT = 'RECOVER.md'

export type RecoverFacts = Pick<
  Manifest,
  'backupId' | 'sourceId' | 'database' | 'snapshotAt' | 'server' | 'tools' | 'artifacts' | 'agentId' | 'recipients'
> & {
  /** Raw Ed25519 public key of the agent, base64url. */
  publicKey?: string
}

/**
 * How to bring this very backup back with stock programs only. A drill runs the shell blocks of this page word by word, in a folder that
 * holds the files of the backup, with IDENTITY, PGHOST … set; so they must not drift from what the agent does.
 */
export function recoverDocument(facts: RecoverFacts): string {
  const { major } = facts.server
  const pgDumpMajor = Number(/\(PostgreSQL\) (\d+)/.exec(facts.tools.pg_dump ?? '')?.[1] ?? major)
  const artifact = (role: string) => facts.artifacts.find((each) => each.role === role)
  return `# Recovering ${facts.database} as of ${facts.snapshotAt}

Backup \`${facts.backupId}\` of source \`${facts.sourceId}\`: one database of PostgreSQL ${facts.server.version}, dumped by
\`${facts.tools.pg_dump ?? 'pg_dump'}\`. Lifeboat is not needed to bring it back. You need

- every file of this folder, in one local folder,
- \`age\`, \`zstd\`, and PostgreSQL ${major} or newer with the client programs of version ${pgDumpMajor} or newer,
- the age identity (secret key) of one of: ${facts.recipients.map((each) => `\`${each}\``).join(', ')}.

Run the blocks in that folder with \`sh\`, in this order. First say where the identity is and which server to restore into:

\`\`\`text
export IDENTITY=/path/to/age-identity.txt
export PGHOST=… PGPORT=… PGUSER=postgres
\`\`\`

## 1. Check that the files are the ones that were sealed

\`\`\`sh
sha256sum --check --strict <<'DIGESTS'
${facts.artifacts.flatMap(digestLines).join('\n')}
DIGESTS
\`\`\`

\`manifest.json\` holds the same digests, signed (JWS, EdDSA) by \`${facts.agentId}\`. Its payload is plain JSON in base64url:

\`\`\`sh
sed 's/.*"payload":"\\([^"]*\\)".*/\\1/' manifest.json | tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d
\`\`\`

To check the signature, put the agent's public key (32 bytes, base64url; under \`signers:\` in lifeboat.yaml) into SIGNER and run

\`\`\`text
${VERIFY}
\`\`\`

## 2. Roles, before the database

Roles that exist already give an error each, which is harmless; a new server has only its own superuser. Roles that were dumped without
passwords need new ones.

\`\`\`sh
${catParts(artifact('globals'))} | age -d -i "$IDENTITY" | zstd -d | psql -X -d postgres
\`\`\`

## 3. The database

\`--exit-on-error\` matters: without it \`pg_restore\` goes on after errors.

\`\`\`sh
${catParts(artifact('database'))} | age -d -i "$IDENTITY" |${unzstd(artifact('database'))} pg_restore --exit-on-error --create --dbname=postgres
\`\`\`

\`--create\` makes the database \`${facts.database}\` with its settings and refuses to touch one that exists. To restore beside an existing one:
\`createdb -T template0 another_name\`, and \`pg_restore --exit-on-error --dbname=another_name\` instead. Afterwards let PostgreSQL gather statistics:

\`\`\`sh
vacuumdb --analyze-only --dbname=${shellQuoted(facts.database)}
\`\`\`

## 4. Compare

The fingerprint tells how many rows each table had in the very snapshot of this dump:

\`\`\`sh
${catParts(artifact('fingerprint'))} | age -d -i "$IDENTITY" | zstd -d
\`\`\`
`
}

const VERIFY = `node -e '
const { createPublicKey, verify } = require("node:crypto")
const jws = JSON.parse(require("node:fs").readFileSync("manifest.json", "utf8"))
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: process.env.SIGNER }, format: "jwk" })
const good = verify(null, Buffer.from(jws.protected + "." + jws.payload), key, Buffer.from(jws.signature, "base64url"))
console.log(good ? "the signature holds" : "THE SIGNATURE DOES NOT HOLD")
process.exit(good ? 0 : 1)'`

type SomeArtifact = RecoverFacts['artifacts'][number]

function digestLines({ name, parts }: SomeArtifact): string[] {
  return parts.map(({ no, sha256 }) => `${sha256}  ${name}.${String(no).padStart(5, '0')}`)
}

/** The shell sorts a pattern, and numbers of five digits sort like numbers. */
function catParts(artifact: SomeArtifact | undefined): string {
  return `cat ${artifact?.name ?? ''}.[0-9]*`
}

function unzstd(artifact: SomeArtifact | undefined): string {
  return artifact?.name.includes('.zst.') ? ' zstd -d |' : ''
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
